import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Fault } from '../../html/messages/messages.ts'
import { sendPage } from '../../html/send-page.ts'
import {
  browserDigestOf,
  currentSession,
  newBrowserSession,
  personOf,
  renewSessionCookie,
} from '../../interaction/browser-session.ts'
import { continueValueIn } from '../../interaction/continue-value.ts'
import { deviceOf } from '../../interaction/device-of-request.ts'
import { sendToVerification } from '../../interaction/email-gate.ts'
import { sendToSecondFactor } from '../../interaction/factor-gate.ts'
import { type Continuation, continuationOf } from '../../interaction/interaction.ts'
import { showNewCodes } from '../../interaction/show-new-codes.ts'
import { addPasskey } from '../../operations/add-passkey.ts'
import { readNewPasskey } from '../../operations/new-passkey.ts'
import { offeredPasskeyOptions } from '../../operations/offer-passkey.ts'
import { raiseByNewPasskey } from '../../operations/raise-by-new-passkey.ts'
import type { App } from '../../platform/http/fastify-app.ts'
import { csrfCheckedForm, csrfToken } from '../../protocol/http/csrf.ts'
import type { Parameters } from '../../protocol/http/parameters.ts'
import { pageContextOf } from '../../protocol/http/ui-locales.ts'
import type { Session } from '../../records/sessions/sessions-store.ts'
import type { Signet } from '../../signet.ts'
import { PasskeyOfferPage } from './passkey-offer-page.tsx'

/** The page that a sign-in with a password leads to, once for an account, before it goes on. Nobody has to do anything there. */
export function passkeyOfferEndpoint(app: App, signet: Signet): void {
  const { issuer } = signet.settings

  app.get<{ Querystring: Parameters }>('/passkey-offer', async (request, reply) => {
    const sealed = continueValueIn(request.query)
    const continuation = await continuationOf(signet, sealed)
    const session = await currentSession(signet.database, signet.settings, request)
    if (isHeldBack(signet, reply, session, sealed)) return reply
    return showOffer(signet, request, reply, { session, sealed, continuation }, undefined)
  })

  app.post<{ Body: Parameters }>('/passkey-offer', async (request, reply) => {
    const values = await csrfCheckedForm(signet, request)
    const sealed = values.get('continue')
    const continuation = await continuationOf(signet, sealed)
    const session = await currentSession(signet.database, signet.settings, request)
    const offer = { session, sealed, continuation }
    if (isHeldBack(signet, reply, session, sealed)) return reply
    if (!session) return goOn(reply, continuation)
    // The challenge is bound to the account, so a form that was shown to somebody else is refused.
    const passkey = await readNewPasskey(signet, {
      browserDigest: browserDigestOf(request, reply, issuer),
      sub: session.account.sub,
      use: 'account',
      answer: values.get('credential'),
    })
    if (!passkey) return showOffer(signet, request, reply, offer, 'new_passkey_refused')
    const device = await deviceOf(request)
    const added = await addPasskey(signet, personOf(request, session), session, { passkey, device })
    if (added.outcome === 'exists') return showOffer(signet, request, reply, offer, 'new_passkey_refused')
    if (added.outcome !== 'added') return goOn(reply, continuation)
    const { cookie, digests } = newBrowserSession(request, reply, issuer)
    const secondsLeft = await raiseByNewPasskey(signet, session, digests.sessionDigest)
    if (secondsLeft !== 'signed_out') renewSessionCookie(reply, issuer, cookie, secondsLeft)
    if (!added.recoveryCodes) return goOn(reply, continuation)
    const { href, uiLocales } = continuation
    const shown = { codes: added.recoveryCodes, continueHref: href, replacesPassword: false, uiLocales }
    return showNewCodes(request, reply, shown, { signet, sub: session.account.sub })
  })
}

/** Somebody who must verify their address, or needs a second factor anyway, is sent there instead. */
function isHeldBack(signet: Signet, reply: FastifyReply, session: Session | undefined, sealed: string | undefined) {
  return sendToVerification(signet, reply, session, sealed) || sendToSecondFactor(signet, reply, session, sealed)
}

interface Offer {
  readonly session: Session | undefined
  readonly sealed: string | undefined
  readonly continuation: Continuation
}

async function showOffer(
  signet: Signet,
  request: FastifyRequest,
  reply: FastifyReply,
  { session, sealed, continuation }: Offer,
  fault: Fault | undefined,
): Promise<FastifyReply> {
  const browserDigest = browserDigestOf(request, reply, signet.settings.issuer)
  const options = session && (await offeredPasskeyOptions(signet, session, browserDigest))
  if (options === undefined) return goOn(reply, continuation)
  return sendPage(
    reply,
    PasskeyOfferPage({
      page: pageContextOf(request, continuation.uiLocales),
      csrf: csrfToken(signet, request, reply),
      ...{ continueTo: sealed, options, laterHref: continuation.href, fault },
    }),
    fault ? 422 : 200,
  )
}

/** Must not be cached: the address contains what the application sent. */
function goOn(reply: FastifyReply, { href }: Continuation): FastifyReply {
  return reply.header('cache-control', 'no-store').redirect(href, 303)
}
