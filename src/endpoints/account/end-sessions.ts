import { callerOf } from '../../platform/http/request-context.ts'
import { recordEvent } from '../../records/events/events-store.ts'
import { endSessions } from '../../records/sessions/sessions-store.ts'
import type { Signet } from '../../signet.ts'
import { changeAccount } from './change-account.ts'
import { readSessionHandle } from './session-handle.ts'
import type { Notice, Outcome, Submission } from './submission.ts'

/**
 * Ends one session of the person's, or all but the present one. One that has ended before is as good as ended; one of somebody else's
 * is never among those that are looked at.
 */
export async function endChosenSessions(signet: Signet, { request, session, values }: Submission): Promise<Outcome> {
  const { sub } = session.account
  const handle = values.get('session')
  const chosen = handle === undefined ? undefined : readSessionHandle(signet.secrets['request-sealing'], sub, handle)
  const isAmong = values.has('others') ? (id: number) => id !== session.id : (id: number) => id === chosen
  const notice: Notice = values.has('others') ? 'others-ended' : 'session-ended'
  if (!values.has('others') && chosen === undefined) return { outcome: 'done' }
  return changeAccount(signet, session, async (tx, sessionIds) => {
    const ids = sessionIds.filter(isAmong)
    if (ids.length > 0) {
      await endSessions(tx, ids)
      const detail = { sessions: ids.length }
      await recordEvent(tx, { type: 'sessions_ended', caller: callerOf(request), sub, detail })
    }
    return { outcome: 'done', notice }
  })
}
