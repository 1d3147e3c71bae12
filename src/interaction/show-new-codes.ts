import type { FastifyReply, FastifyRequest } from 'fastify'
import { NewRecoveryCodesPage } from '../html/new-recovery-codes-page.tsx'
import { sendPage } from '../html/send-page.ts'
import { sealShownCodes } from '../operations/own-recovery-codes.ts'
import { csrfToken } from '../protocol/http/csrf.ts'
import { pageContextOf } from '../protocol/http/ui-locales.ts'
import type { Sub } from '../records/ids.ts'
import type { Signet } from '../signet.ts'
import { accountProof } from './account-proof.ts'

interface NewCodes {
  readonly codes: readonly string[]
  /** Where the person goes on. */
  readonly continueHref: string
  /** Whether the passkey is there instead of a password. */
  readonly replacesPassword: boolean
  /** See `pageContextOf`. */
  readonly uiLocales?: string | undefined
}

/**
 * Shows recovery codes to somebody who has created their first passkey, as the answer to their form.
 *
 * @param download for whom the codes are also offered as a file; undefined if the browser cannot open the pages of the account yet
 */
export function showNewCodes(
  request: FastifyRequest,
  reply: FastifyReply,
  { codes, continueHref, replacesPassword, uiLocales }: NewCodes,
  download?: { readonly signet: Signet; readonly sub: Sub },
): FastifyReply {
  const page = pageContextOf(request, uiLocales)
  const sealed = download && sealShownCodes(download.signet, download.sub, codes)
  const hidden = download
    ? {
        csrf: csrfToken(download.signet, request, reply),
        account: accountProof(download.signet.secrets.csrf, download.sub),
      }
    : {}
  return sendPage(reply, NewRecoveryCodesPage({ page, codes, hidden, sealed, continueHref, replacesPassword }))
}
