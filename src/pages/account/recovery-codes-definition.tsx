import { fillText } from '../../html/messages/messages.ts'
import { recoveryCodesScript } from '../../html/shown-recovery-codes.tsx'
import { readShownCodes, renewOwnRecoveryCodes } from '../../operations/own-recovery-codes.ts'
import { recoveryCodesOf } from '../../operations/replace-recovery-codes.ts'
import { pageContextOf } from '../../protocol/http/ui-locales.ts'
import { displayName } from '../../records/accounts/account.ts'
import { hasSecondFactor, kindsOf } from '../../records/accounts/factors.ts'
import type { Signet } from '../../signet.ts'
import type { AccountDefinition, AccountView } from './account-definition.ts'
import { actorOf, type Outcome, refused, type Submission } from './account-form.ts'
import { provenFactors, staleOutcome } from './factor-form.ts'
import { NewRecoveryCodesSection } from './recovery-codes-section.tsx'
import { shownCodes } from './shown-codes.tsx'

/** Where the person gets new recovery codes. */
export const recoveryCodesDefinition: AccountDefinition = {
  path: '/account/security/recovery-codes',
  ownPage: 'recovery-codes',
  title: (messages) => messages.recoveryCodes.title,
  belongsTo: '/account/security',
  scripts: [recoveryCodesScript],
  show: showRecoveryCodes,
  forms: [
    { path: '/account/security/recovery-codes', submit: submitNewRecoveryCodes },
    { path: '/account/security/recovery-codes/download', submit: submitDownload },
  ],
}

async function showRecoveryCodes(view: AccountView) {
  const { signet, session, page, hidden } = view
  const factors = await provenFactors(signet, view, { page: 'recovery-codes' })
  if (!factors) return undefined
  const set = await recoveryCodesOf(signet, session.account.sub)
  return (
    <NewRecoveryCodesSection {...{ page, hidden }} left={set?.left} hasFactor={hasSecondFactor(kindsOf(factors))} />
  )
}

/** @throws TooManyWaiting */
async function submitNewRecoveryCodes(signet: Signet, submission: Submission): Promise<Outcome> {
  const page = { page: 'recovery-codes' } as const
  if (!(await provenFactors(signet, submission, page))) return { outcome: 'replied' }
  const renewed = await renewOwnRecoveryCodes(signet, actorOf(submission), submission.session)
  switch (renewed.outcome) {
    case 'created':
      return shownCodes(signet, submission, { codes: renewed.codes, areRenewed: true })
    case 'no_factor':
      return { outcome: 'done', path: '/account/security', notice: 'factor-gone' }
    case 'stale':
      return staleOutcome(signet, submission, page)
    case 'signed_out':
      return { outcome: 'signed_out' }
  }
}

/** Sends the codes of the page with the form as a file. It needs no proof: whoever has the form has the codes. */
async function submitDownload(signet: Signet, { request, reply, session, values }: Submission): Promise<Outcome> {
  const { account } = session
  const codes = await readShownCodes(signet, account.sub, values.get('codes'))
  if (!codes) return refused({ form: 'codes_not_shown' })
  const { brand, messages } = pageContextOf(request)
  const { fileTitle, fileNote } = messages.recoveryCodes
  const title = fillText(fileTitle, { account: account.email ?? displayName(account), service: brand.name })
  const text = [title, fillText(fileNote, { issuer: signet.settings.issuer }), '', ...codes, ''].join('\r\n')
  await reply
    .header('cache-control', 'no-store')
    .header('content-disposition', 'attachment; filename="recovery-codes.txt"')
    .type('text/plain; charset=utf-8')
    .send(text)
  return { outcome: 'replied' }
}
