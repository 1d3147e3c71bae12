import { RecoveryCodes } from '../../html/shown-recovery-codes.tsx'
import { accountProof } from '../../interaction/account-proof.ts'
import { sealShownCodes } from '../../operations/own-recovery-codes.ts'
import { csrfToken } from '../../protocol/http/csrf.ts'
import { pageContextOf } from '../../protocol/http/ui-locales.ts'
import type { Signet } from '../../signet.ts'
import type { Notice, Outcome, Submission } from './account-form.ts'

/** New recovery codes, and what follows. */
export interface NewCodes {
  readonly codes: readonly string[]
  /** What was done besides. */
  readonly notice?: Notice
  /** Whether the person had codes before, which no longer work. */
  readonly areRenewed?: boolean
  /** Where the person goes on; default: the security page. */
  readonly href?: string | undefined
}

/** Shows new recovery codes as the answer to a form. They are never in an address, and nobody can read them again. */
export function shownCodes(
  signet: Signet,
  { request, reply, session }: Submission,
  { codes, notice, areRenewed = false, href = '/account/security' }: NewCodes,
): Outcome {
  const { sub } = session.account
  const page = pageContextOf(request)
  const content = (
    <RecoveryCodes
      {...{ page, codes }}
      hidden={{ csrf: csrfToken(signet, request, reply), account: accountProof(signet.secrets.csrf, sub) }}
      sealed={sealShownCodes(signet, sub, codes)}
      done={areRenewed ? page.messages.recoveryCodes.replaced : notice && page.messages.accountNotices[notice]}
      continueHref={href}
    />
  )
  return { outcome: 'shown', content }
}
