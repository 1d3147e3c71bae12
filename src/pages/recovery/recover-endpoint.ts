import type { FastifyReply, FastifyRequest } from 'fastify'
import { ownHref } from '../../html/link-target.ts'
import { sendPage } from '../../html/send-page.ts'
import { browserDigestOf } from '../../interaction/browser-session.ts'
import { continueValueIn } from '../../interaction/continue-value.ts'
import {
  continueValueOf,
  type Interaction,
  loadInteraction,
  pageContext,
  sessionOf,
} from '../../interaction/interaction.ts'
import { refuseOverLimit } from '../../interaction/over-limit.ts'
import { maxTypedLength, openTypedName, sealTypedName } from '../../interaction/typed-name.ts'
import { requestRecovery } from '../../operations/request-recovery.ts'
import type { App } from '../../platform/http/fastify-app.ts'
import { callerOf } from '../../platform/http/request-context.ts'
import { csrfCheckedForm, csrfToken } from '../../protocol/http/csrf.ts'
import { type Parameters, sentValue } from '../../protocol/http/parameters.ts'
import { recoveryMinutes } from '../../records/accounts/recovery-rule.ts'
import type { Signet } from '../../signet.ts'
import { RecoverPage, type RecoverPageProps, RecoverSentPage } from './recover-page.tsx'

type Shown = Pick<RecoverPageProps, 'username' | 'fault' | 'retryAfterSeconds'>

/**
 * The page on which somebody who has forgotten the password asks for a link to set a new one. The response is the same for every name, and
 * nothing is looked up before it is sent. Where no mail can be sent, there is no such page.
 */
export function recoverEndpoint(app: App, signet: Signet): void {
  if (signet.settings.mail.delivery === 'none') return

  app.get<{ Querystring: Parameters }>('/recover', async (request, reply) => {
    const interaction = await loadInteraction(signet, request, reply, continueValueIn(request.query))
    if (!interaction) return reply
    const username = await openTypedName(signet, sentValue(request.query, 'name'))
    return showPage(signet, request, reply, interaction, { username }, 200)
  })

  app.post<{ Body: Parameters }>('/recover', async (request, reply) => {
    const values = await csrfCheckedForm(signet, request)
    const interaction = await loadInteraction(signet, request, reply, values.get('continue'))
    if (!interaction) return reply
    const username = values.get('username')?.trim()
    // From the sign-in page, with what was typed there. The password in that form is ignored.
    if (values.get('from') === 'sign-in') return toEmptyForm(signet, reply, interaction, username)
    if (!username) return showPage(signet, request, reply, interaction, { username, fault: 'username_missing' }, 422)
    const continueTo = continueValueOf(signet, interaction)
    const page = pageContext(request, interaction)
    try {
      const browserDigest = browserDigestOf(request, reply, signet.settings.issuer)
      const continuation = continueTo === undefined ? undefined : { browserDigest, continueTo }
      const typed = { typed: username.slice(0, maxTypedLength), locale: page.locale, continuation }
      await requestRecovery(signet, callerOf(request), typed)
    } catch (error) {
      const { status, ...fault } = refuseOverLimit(signet, request, reply, error)
      return showPage(signet, request, reply, interaction, { ...fault, username }, status)
    }
    const againHref = ownHref('/recover', { continue: continueTo, name: sealTypedName(signet, username) })
    return sendPage(
      reply,
      RecoverSentPage({
        page,
        username,
        minutes: recoveryMinutes,
        againHref,
        signInHref: ownHref('/sign-in', { continue: continueTo }),
      }),
    )
  })
}

/** Redirects to the page by GET, so that reloading or going back does not post the form of the sign-in page again. */
function toEmptyForm(signet: Signet, reply: FastifyReply, interaction: Interaction, typed: string | undefined) {
  const href = ownHref('/recover', {
    continue: continueValueOf(signet, interaction),
    name: sealTypedName(signet, typed),
  })
  return reply.header('cache-control', 'no-store').redirect(href, 303)
}

async function showPage(
  signet: Signet,
  request: FastifyRequest,
  reply: FastifyReply,
  interaction: Interaction,
  shown: Shown,
  status: number,
): Promise<FastifyReply> {
  // If somebody is signed in, the page is in the language of their profile.
  await sessionOf(signet, request, interaction)
  const continueTo = continueValueOf(signet, interaction)
  return sendPage(
    reply,
    RecoverPage({
      sets: signet.settings.passwordSignIn === 'on' ? 'password' : 'passkey',
      page: pageContext(request, interaction),
      csrf: csrfToken(signet, request, reply),
      continueTo,
      signInHref: ownHref('/sign-in', { continue: continueTo }),
      ...shown,
    }),
    status,
  )
}
