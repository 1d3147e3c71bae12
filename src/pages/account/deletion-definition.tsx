import { sendPage } from '../../html/send-page.ts'
import { forgetSession } from '../../interaction/browser-session.ts'
import { deleteOwnAccount } from '../../operations/delete-account.ts'
import { pageContextOf } from '../../protocol/http/ui-locales.ts'
import type { Account } from '../../records/accounts/account.ts'
import { typedName } from '../../records/accounts/canonical-names.ts'
import type { Signet } from '../../signet.ts'
import type { AccountDefinition, AccountView } from './account-definition.ts'
import { AccountDeletedPage } from './account-deleted-page.tsx'
import { actorOf, type Outcome, refused, type Submission } from './account-form.ts'
import { DeletionSection } from './deletion-section.tsx'
import { provenFactors, staleOutcome } from './factor-form.ts'

/** Where the person deletes the account. */
export const deletionDefinition: AccountDefinition = {
  path: '/account/data/delete',
  ownPage: 'deletion',
  title: (messages) => messages.data.deletion,
  belongsTo: '/account/data',
  show: showDeletion,
  forms: [{ path: '/account/data/delete', name: 'deletion', submit: submitDeletion }],
}

async function showDeletion(view: AccountView) {
  const { signet, session, page, hidden, form, textOf } = view
  if (!(await provenFactors(signet, view, { page: 'deletion' }))) return undefined
  const { account } = session
  return (
    <DeletionSection
      {...{ page, hidden, textOf }}
      form={form('deletion')}
      sub={account.sub}
      nameToType={nameOf(account)}
      toldAt={toldAt(signet, account)}
    />
  )
}

/**
 * Deletes the account if the person has typed its name: they may have meant another account, or nothing of the kind.
 *
 * @throws TooManyWaiting
 */
async function submitDeletion(signet: Signet, submission: Submission): Promise<Outcome> {
  const { request, reply, session, values } = submission
  const { account } = session
  if (!(await provenFactors(signet, submission, { page: 'deletion' }))) return { outcome: 'replied' }
  if (!isNameOf(account, values.get('account-name') ?? '')) return refused({ 'account-name': 'account_name_wrong' })
  const deleted = await deleteOwnAccount(signet, actorOf(submission), session)
  if (deleted === 'signed_out') return { outcome: deleted }
  if (deleted === 'stale') return staleOutcome(signet, submission, { page: 'deletion' })
  forgetSession(reply, signet.settings)
  reply.header('cache-control', 'no-store')
  sendPage(reply, AccountDeletedPage({ page: pageContextOf(request), toldAt: toldAt(signet, account) }))
  return { outcome: 'replied' }
}

/** The name that the person types. */
function nameOf({ email, username, sub }: Account): string {
  return email ?? username ?? sub
}

/** The user name counts as well as the address, in the way that both are compared at sign-in. */
function isNameOf(account: Account, typed: string): boolean {
  const { key } = typedName(typed.trim())
  return [account.email, account.username, account.sub].some(
    (name) => name !== undefined && typedName(name).key === key,
  )
}

/** Where the mail about the deletion goes. */
function toldAt({ settings }: Pick<Signet, 'settings'>, { email, email_verified }: Account): string | undefined {
  return settings.mail.delivery !== 'none' && email_verified ? email : undefined
}
