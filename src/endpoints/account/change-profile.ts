import { asSignedIn } from '../../operations/as-signed-in.ts'
import { callerOf } from '../../platform/http/request-context.ts'
import { replaceDescription } from '../../records/accounts/account-changes-store.ts'
import { recordEvent } from '../../records/events/events-store.ts'
import type { Signet } from '../../signet.ts'
import { readProfile } from './profile-form.ts'
import type { Outcome, Submission } from './submission.ts'

/** Saves what a person says of themselves. */
export async function changeProfile(signet: Signet, { request, session, values }: Submission): Promise<Outcome> {
  const { sub } = session.account
  const { description, changed, faults } = readProfile(values, session.account)
  if (faults.size > 0) return { outcome: 'faulty', faults, status: 422 }
  if (changed.length === 0) return { outcome: 'done', notice: 'profile-saved' }
  const outcome = await asSignedIn(signet, session, async (tx) => {
    await replaceDescription(tx, sub, description)
    // Which claims, never what they say: events outlive the account.
    await recordEvent(tx, { type: 'account_updated', caller: callerOf(request), sub, detail: { claims: changed } })
  })
  return outcome === 'signed_out' ? { outcome } : { outcome: 'done', notice: 'profile-saved' }
}
