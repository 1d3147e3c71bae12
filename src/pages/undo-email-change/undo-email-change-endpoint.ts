import type { FastifyReply, FastifyRequest } from 'fastify'
import { sendPage } from '../../html/send-page.ts'
import { browserDigestOf } from '../../interaction/browser-session.ts'
import { refuseOverLimit } from '../../interaction/over-limit.ts'
import { provableOf } from '../../interaction/provable.ts'
import { findUndoableChange, type UndoableChange, undoEmailChange } from '../../operations/undo-email-change.ts'
import type { App } from '../../platform/http/fastify-app.ts'
import { callerOf, requesterOf } from '../../platform/http/request-context.ts'
import { csrfCheckedForm, csrfToken } from '../../protocol/http/csrf.ts'
import { type Parameters, sentValue, soundValue } from '../../protocol/http/parameters.ts'
import { pageContextOf } from '../../protocol/http/ui-locales.ts'
import { readLinkToken } from '../../records/accounts/link-tokens.ts'
import type { Signet } from '../../signet.ts'
import {
  UndoDonePage,
  UndoEmailChangePage,
  type UndoEmailChangePageProps,
  VoidUndoLinkPage,
} from './undo-email-change-page.tsx'

type Shown = Pick<UndoEmailChangePageProps, 'fault' | 'retryAfterSeconds'>

/**
 * The page of the link that the previous address of an account receives when the address is changed. A GET changes nothing, because mail scanners
 * follow links. It works without a session, and gives none. The route is always there: links from before an operator switched mail off still work.
 */
export function undoEmailChangeEndpoint(app: App, signet: Signet): void {
  app.get<{ Querystring: Parameters }>('/undo-email-change', async (request, reply) => {
    if (sentValue(request.query, 'done') === '1')
      return sendPage(reply, UndoDonePage({ page: pageContextOf(request), offersRecovery: offersRecovery(signet) }))
    const token = readLinkToken(soundValue(request.query, 'token'))
    const change = token && (await findUndoableChange(signet, token))
    if (!token || !change) return showVoid(request, reply)
    return showForm(signet, request, reply, { token, change }, {}, 200)
  })

  app.post<{ Body: Parameters }>('/undo-email-change', async (request, reply) => {
    const values = await csrfCheckedForm(signet, request)
    const token = readLinkToken(values.get('token'))
    const change = token && (await findUndoableChange(signet, token))
    if (!token || !change) return showVoid(request, reply)
    const show = (shown: Shown, status: number) => showForm(signet, request, reply, { token, change }, shown, status)
    try {
      const visitor = { ...callerOf(request), ...requesterOf(request, reply) }
      const browserDigest = browserDigestOf(request, reply, signet.settings.issuer)
      const [password, code, credential] = ['password', 'code', 'credential'].map((name) => values.get(name))
      const undone = await undoEmailChange(signet, visitor, { token, browserDigest, password, code, credential })
      if (undone.outcome === 'void_link') return showVoid(request, reply)
      if (undone.outcome === 'missing') return show({ fault: missingFault(undone.change) }, 422)
      if (undone.outcome === 'wrong_password') return show({ fault: 'previous_password_wrong' }, 403)
      if (undone.outcome === 'wrong_code') return show({ fault: 'proof_code_wrong' }, 403)
      if (undone.outcome === 'wrong_passkey') return show({ fault: 'proof_passkey_refused' }, 403)
      if (undone.outcome === 'address_taken') return show({ fault: 'previous_address_taken' }, 409)
      return reply.header('cache-control', 'no-store').redirect('/undo-email-change?done=1', 303)
    } catch (error) {
      const { status, ...fault } = refuseOverLimit(signet, request, reply, error)
      return show(fault, status)
    }
  })
}

const missingFault = ({ needs }: UndoableChange) =>
  needs.length === 1 && needs[0] === 'earlier_password' ? 'previous_password_missing' : 'proof_missing'

/** Without mail, nobody can set a new password but an operator. */
const offersRecovery = ({ settings }: Signet) => settings.mail.delivery !== 'none'

async function showForm(
  signet: Signet,
  request: FastifyRequest,
  reply: FastifyReply,
  { token, change }: { readonly token: string; readonly change: UndoableChange },
  shown: Shown,
  status: number,
): Promise<FastifyReply> {
  const page = pageContextOf(request)
  const { previousEmail, newEmail, changedAt, needs } = change
  const browserDigest = browserDigestOf(request, reply, signet.settings.issuer)
  const passkeys = needs.includes('passkey') ? change.passkeyIds : []
  return sendPage(
    reply,
    UndoEmailChangePage({
      page,
      csrf: csrfToken(signet, request, reply),
      token,
      ...{ previousEmail, newEmail, changedAt },
      provable: await provableOf(signet, browserDigest, change.sub, needs, passkeys),
      takesPasswords: signet.settings.passwordSignIn === 'on',
      offersRecovery: offersRecovery(signet),
      ...shown,
    }),
    status,
  )
}

/** A link that is unknown, has expired or been used gets the same page. */
function showVoid(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return sendPage(reply, VoidUndoLinkPage({ page: pageContextOf(request) }), 410)
}
