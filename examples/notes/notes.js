import { fileURLToPath } from 'node:url'
import cookie from '@fastify/cookie'
import fastifyStatic from '@fastify/static'
import fastify from 'fastify'
import { ApiRefused, addNote, readNotes } from './api-client.js'
import { changedToken } from './changed-token.js'
import { faultOf } from './faults.js'
import { createOpenid } from './openid.js'
import { faultPage, notesPage, signedOutPage, welcomePage } from './pages.js'
import { createSessionStore, remember, take } from './sessions.js'

/** @typedef {import('./sessions.js').Session} Session */
/** @typedef {import('fastify').FastifyRequest} Request */
/** @typedef {import('fastify').FastifyReply} Reply */

const assets = fileURLToPath(new URL('assets/', import.meta.url))

/**
 * Notes: an application whose users sign in with Signet and whose data is behind an API. It renders its pages on the server and keeps
 * its tokens there. The browser has only a cookie with a random number.
 *
 * @param {import('./settings.js').NotesSettings} settings
 */
export function createNotes(settings) {
  const { name, origin, issuer, api } = settings
  const openid = createOpenid(settings)
  const sessions = createSessionStore()
  const cookies = sessionCookie(name, origin)
  const app = fastify({ logger: false, forceCloseConnections: true, bodyLimit: 16 * 1024 })

  app.register(cookie)
  app.register(fastifyStatic, { root: assets, prefix: '/assets/', maxAge: '1h' })
  app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) =>
    done(null, new URLSearchParams(String(body))),
  )

  app.addHook('onRequest', async (request, reply) => {
    reply.headers({
      // Nothing inline, nothing from other origins. Chrome applies form-action also to the redirect after a form, and signing out
      // redirects to Signet.
      'content-security-policy':
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; " +
        `form-action 'self' ${issuer}`,
      'referrer-policy': 'same-origin',
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
    })
    // Accept forms from our own pages only. The browser sends the origin in a header that no page can forge. SameSite=Lax alone is
    // not enough: another port of this host, or a neighbouring subdomain, is the same site.
    if (request.method === 'POST' && request.headers.origin !== origin)
      return reply.code(403).type('text/html').send(foreignForm)
  })
  const foreignForm = faultPage(name, {
    title: 'This form could not be accepted',
    sentence: `It did not come from a page of ${name}.`,
    onward: 'home',
  })

  app.setErrorHandler((error, request, reply) => {
    const fault = faultOf(error, name)
    // For the operator. Not the whole error: openid-client puts the faulty response into it, including tokens.
    if (fault.status >= 500) console.error(`${name}: ${error instanceof Error ? error.stack : 'unknown error'}`)
    // If the grant at Signet has ended, end the session here as well.
    const session = fault.signedOut ? sessions.find(cookies.read(request)) : undefined
    if (session) sessions.end(session)
    return reply.code(fault.status).type('text/html').send(faultPage(name, fault))
  })

  app.setNotFoundHandler((_request, reply) => reply.code(404).type('text/html').send(faultPage(name, noSuchPage)))
  const noSuchPage = /** @type {const} */ ({
    title: 'Page not found',
    sentence: 'Check the address for typing errors.',
    onward: 'home',
  })

  app.get('/', async (request, reply) => {
    reply.type('text/html')
    const signedIn = sessions.find(cookies.read(request))?.signedIn
    if (!signedIn) return welcomePage(name)
    const { trial } = signedIn
    signedIn.trial = undefined
    const token = await openid.apiToken(signedIn)
    const notes = await readNotes(api.url, token).catch(refusalOf)
    return notesPage(name, { person: signedIn.name, notes, trial })
  })

  app.get('/sign-in', async (request, reply) => {
    const { url, state, pending } = await openid.begin()
    const session = sessions.find(cookies.read(request)) ?? sessions.begin()
    remember(session, state, pending)
    cookies.write(reply, session)
    return reply.redirect(url.href, 303)
  })

  // The redirect URI (RFC 6749 §4.1.2).
  app.get('/callback', async (request, reply) => {
    const answer = new URL('/callback', origin)
    answer.search = new URL(request.url, origin).search
    const { state } = /** @type {Record<string, unknown>} */ (request.query)
    const session = sessions.find(cookies.read(request))
    // Otherwise, another site could sign its own account in here and read what the user then writes (RFC 6749 §10.12).
    const pending = take(session, state)
    if (!session || typeof state !== 'string' || !pending)
      return reply.code(400).type('text/html').send(faultPage(name, unknownAnswer))
    const signedIn = await openid.finish(answer, state, pending)
    cookies.write(reply, sessions.signIn(session, signedIn))
    return reply.redirect('/', 303)
  })
  const unknownAnswer = /** @type {const} */ ({
    title: 'This sign-in cannot be completed',
    sentence:
      'It was not started in this browser, was already completed, or was left open for too long. Nothing has changed.',
    onward: 'sign-in',
  })

  app.post('/notes', async (request, reply) => {
    const signedIn = sessions.find(cookies.read(request))?.signedIn
    const text = request.body instanceof URLSearchParams ? request.body.get('text')?.trim() : undefined
    if (signedIn && text) await addNote(api.url, await openid.apiToken(signedIn), text)
    return reply.redirect('/', 303)
  })

  app.post('/changed-token', async (request, reply) => {
    const signedIn = sessions.find(cookies.read(request))?.signedIn
    if (signedIn) {
      const { token, before, after } = changedToken(await openid.apiToken(signedIn))
      const answer = await readNotes(api.url, token).catch(refusalOf)
      signedIn.trial = { before, after, refusal: 'reason' in answer ? answer : undefined }
    }
    return reply.redirect('/', 303)
  })

  app.post('/sign-out', async (request, reply) => {
    const session = sessions.find(cookies.read(request))
    // First here, even if the rest fails. Then at Signet, or the next click on "Sign in" would need no password.
    if (session) sessions.end(session)
    cookies.clear(reply)
    if (!session?.signedIn) return reply.redirect('/signed-out', 303)
    const url = await openid.signOutUrl(session.signedIn)
    return reply.redirect(url.href, 303)
  })

  app.get('/signed-out', async (_request, reply) => reply.type('text/html').send(signedOutPage(name)))

  return app
}

/**
 * A refusal by the API is shown on the page. Any other error is thrown.
 *
 * @param {unknown} error
 */
function refusalOf(error) {
  if (error instanceof ApiRefused) return error.refusal
  throw error
}

/**
 * The one cookie. HttpOnly: no script can read it. Lax: it is sent when Signet redirects the user back, but not when another site posts
 * a form. All ports of a host share cookies, so each application on it needs a different name.
 *
 * @param {string} app
 * @param {string} origin
 */
function sessionCookie(app, origin) {
  const overTls = origin.startsWith('https:')
  const slug = app.toLowerCase().replace(/[^a-z0-9]+/g, '-')
  // RFC 6265bis §4.1.3.2: with `__Host-`, no neighbouring host can set the cookie. It requires TLS, so not on localhost.
  const cookieName = `${overTls ? '__Host-' : ''}${slug}_session`
  const attributes = /** @type {const} */ ({ path: '/', httpOnly: true, sameSite: 'lax', secure: overTls })
  return {
    /** @param {Request} request */
    read: (request) => request.cookies[cookieName],
    /** @param {Reply} reply @param {Session} session */
    write: (reply, session) => reply.setCookie(cookieName, session.id, attributes),
    /** @param {Reply} reply */
    clear: (reply) => reply.clearCookie(cookieName, attributes),
  }
}
