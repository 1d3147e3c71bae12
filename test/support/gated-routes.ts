import type { Test } from 'tap'
import { buildApp } from '../../src/app.ts'
import type { Idp } from './idp.ts'

/** Routes that somebody who is held back by a gate may use: they do not act for a person, or they are the way on or out. */
const open = [
  ...['GET /verify-email', 'POST /verify-email/code', 'POST /verify-email/again', 'POST /verify-email/address'],
  ...['POST /verify-email/link', 'POST /verify-email/disown'],
  ...[
    'GET /logout',
    'POST /logout',
    'POST /logout/confirm',
    'GET /sign-in',
    'POST /sign-in',
    'POST /sign-in/passkey',
    'GET /second-factor',
    'POST /second-factor',
    'POST /second-factor/passkey',
    'GET /sign-up',
    'POST /sign-up',
  ],
  ...[
    'GET /recover',
    'POST /recover',
    'GET /recover/password',
    'POST /recover/password',
    'POST /recover/password/proof',
  ],
  // Links of mails. They say whose account it is, and ask for proofs of their own.
  ...['GET /not-me', 'POST /not-me'],
  ...['GET /undo-email-change', 'POST /undo-email-change', 'POST /sign-up/invitation'],
  // Anybody may read these.
  ...['GET /errors', 'GET /inspect', 'GET /demo-mails', 'GET /avatars/:id', 'GET /logos/:version'],
  // Programs call these, without a session.
  ...[
    'GET /.well-known/openid-configuration',
    'GET /.well-known/oauth-authorization-server',
    'GET /.well-known/jwks.json',
  ],
  ...[
    'POST /token',
    'POST /device_authorization',
    'POST /par',
    'POST /register',
    'GET /register/:client_id',
    'PUT /register/:client_id',
    'DELETE /register/:client_id',
    'GET /userinfo',
    'POST /userinfo',
    'POST /introspect',
    'POST /revoke',
  ],
  ...['POST /register', 'GET /register/:client_id', 'PUT /register/:client_id', 'DELETE /register/:client_id'],
  // It says nothing of a person, and any site may embed it.
  'GET /check-session',
  ...['GET /healthz', 'GET /readyz', 'GET /metrics'],
  // Their next step is tested below.
  ...['GET /authorize', 'POST /authorize', 'GET /consent', 'POST /consent'],
]

/**
 * All routes that show or change something of a signed-in person, as `METHOD /path`. A gate must hold them all, so a new page that nobody has thought of
 * fails the test of the gate.
 */
export async function routesOfPeople(t: Test, idp: Idp): Promise<string[]> {
  const app = buildApp(idp.signet)
  t.teardown(() => app.close())
  const routes = new Set<string>()
  app.addHook('onRoute', ({ method, url }) => {
    for (const each of [method].flat()) if (!['HEAD', 'OPTIONS'].includes(each)) routes.add(`${each} ${url}`)
  })
  await app.ready()
  return [...routes].filter((route) => !open.includes(route) && !route.startsWith('GET /assets/'))
}
