import { Readable } from 'node:stream'
import { ownHref } from '../../html/link-target.ts'
import { sealOwnPage } from '../../interaction/continue-value.ts'
import { downloadOwnData } from '../../operations/personal-data.ts'
import { isFreshlyProven, kindsOf } from '../../records/accounts/factors.ts'
import { listFactors } from '../../records/accounts/factors-store.ts'
import type { Signet } from '../../signet.ts'
import type { AccountDefinition, AccountView } from './account-definition.ts'
import { actorOf, type Outcome, type Submission } from './account-form.ts'
import { DataSections } from './data-section.tsx'
import { provenFactors, staleOutcome } from './factor-form.ts'

/** Where the person gets everything that is stored about them, and can delete it. */
export const dataDefinition: AccountDefinition = {
  path: '/account/data',
  ownPage: 'data',
  title: (messages) => messages.data.title,
  menuLabel: (messages) => messages.accountMenu.data,
  show: showData,
  forms: [{ path: '/account/data/download', submit: submitDownload }],
}

async function showData({ signet, session, page, hidden }: AccountView) {
  const factors = await listFactors(signet.database, session.account.sub)
  const isProven = isFreshlyProven(session, kindsOf(factors), signet.clock.now())
  const here = sealOwnPage(signet.secrets['request-sealing'], 'data')
  return (
    <DataSections {...{ page, hidden }} confirmHref={isProven ? undefined : ownHref('/step-up', { continue: here })} />
  )
}

/**
 * Sends the document as a file. It is written while it is being read from the database, so that it takes no more memory if somebody has many events.
 *
 * @throws TooManyWaiting
 */
async function submitDownload(signet: Signet, submission: Submission): Promise<Outcome> {
  const { reply, session } = submission
  if (!(await provenFactors(signet, submission, { page: 'data' }))) return { outcome: 'replied' }
  const pieces = await downloadOwnData(signet, actorOf(submission), session)
  if (pieces === 'signed_out') return { outcome: pieces }
  if (pieces === 'stale') return staleOutcome(signet, submission, { page: 'data' })
  const day = new Date(signet.clock.now()).toISOString().slice(0, 10)
  reply
    .header('cache-control', 'no-store')
    .header('content-disposition', `attachment; filename="account-data-${day}.json"`)
    .type('application/json; charset=utf-8')
    .send(Readable.from(pieces))
  return { outcome: 'replied' }
}
