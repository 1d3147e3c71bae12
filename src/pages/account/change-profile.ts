import { updateOwnAccount } from '../../operations/update-account.ts'
import { callerOf } from '../../platform/http/request-context.ts'
import type { Signet } from '../../signet.ts'
import { readProfile } from './profile-form.ts'
import type { Outcome, Submission } from './submission.ts'

/** Saves what a person says of themselves. */
export async function changeProfile(signet: Signet, { request, session, values }: Submission): Promise<Outcome> {
  const { changes, faults } = readProfile(values, session.account)
  if (faults.size > 0) return { outcome: 'faulty', faults, status: 422 }
  if (Object.keys(changes).length === 0) return { outcome: 'done', notice: 'profile-saved' }
  const actor = { kind: 'person', sub: session.account.sub, caller: callerOf(request) } as const
  const outcome = await updateOwnAccount(signet, actor, session, changes)
  return outcome === 'signed_out' || outcome === 'no_such_account'
    ? { outcome: 'signed_out' }
    : { outcome: 'done', notice: 'profile-saved' }
}
