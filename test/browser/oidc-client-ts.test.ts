import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { packageFolder } from '../../src/platform/config/installation-folder.ts'
import { freePort, startSignet } from '../support/idp.ts'
import { sharedChromium } from './shared-chromium.ts'

const idp = await startSignet(t)
const browser = await sharedChromium()

t.test('oidc-client-ts signs in, renews with a refresh token and signs out, all from another origin', async (t) => {
  const { tab, person } = await openPage(t, 'openid profile email offline_access')
  await tab.click('#sign-in')
  await tab.fill('#username', person.username)
  await tab.fill('#password', person.password)
  await tab.click('#sign-in')
  await tab.click('#allow')
  const me = JSON.parse((await tab.textContent('#me')) ?? '')
  t.match(me, { sub: person.sub, name: 'Some Person', email: person.email })

  await tab.click('#renew')
  t.equal(await tab.textContent('#renewed'), 'a new access token')

  await tab.click('#sign-out')
  await tab.waitForSelector('#sign-in')
  await tab.click('#sign-in')
  await tab.waitForSelector('#password')
})

t.test('in a hidden frame, a page on loopback is told that the person must consent', async (t) => {
  const { tab, person } = await openPage(t, 'openid')
  await tab.click('#sign-in')
  await tab.fill('#username', person.username)
  await tab.fill('#password', person.password)
  await tab.click('#sign-in')
  await tab.click('#allow')
  await tab.click('#renew')
  // Any program can listen on loopback, so the consent that was given is not enough there.
  t.match(await tab.textContent('#renewed'), /consent/)
})

/** A single-page application on its own port, open in a fresh browser. */
async function openPage(t: Test, scope: string) {
  const origin = `http://localhost:${await freePort()}`
  const client = await idp.client({
    redirect_uris: [`${origin}/`],
    post_logout_redirect_uris: [`${origin}/`],
    token_endpoint_auth_method: 'none',
  })
  await serve(t, origin, page(client.client_id, scope))
  const context = await browser.newContext()
  t.teardown(() => context.close())
  const tab = await context.newPage()
  await tab.goto(origin)
  return { tab, person: await idp.person({ name: 'Some Person' }) }
}

function page(clientId: string, scope: string): string {
  return `<!doctype html><link rel="icon" href="data:,">
<script type="importmap">${JSON.stringify({ imports: { 'oidc-client-ts': '/oidc-client-ts/dist/esm/oidc-client-ts.js', 'jwt-decode': '/jwt-decode/build/esm/index.js' } })}</script>
<body><script type="module">
import { UserManager } from 'oidc-client-ts'

const manager = new UserManager({
  authority: '${idp.issuer}',
  client_id: '${clientId}',
  redirect_uri: location.origin + '/',
  post_logout_redirect_uri: location.origin + '/',
  response_type: 'code',
  scope: '${scope}',
  // For those who register themselves, and where the ID token has no profile.
  loadUserInfo: true,
})
const add = (tag, id, text, onclick) =>
  document.body.append(Object.assign(document.createElement(tag), { id, textContent: text, onclick }))

if (window !== window.parent) await manager.signinSilentCallback()
else {
  if (new URLSearchParams(location.search).has('state')) {
    await manager.signinCallback()
    history.replaceState({}, '', '/')
  }
  const user = await manager.getUser()
  if (user) {
    add('pre', 'me', JSON.stringify(user.profile))
    add('button', 'renew', 'Renew', () =>
      manager.signinSilent().then(
        (renewed) => add('p', 'renewed', renewed.access_token === user.access_token ? 'the same' : 'a new access token'),
        (error) => add('p', 'renewed', error.message),
      ))
    add('button', 'sign-out', 'Sign out', () => manager.signoutRedirect())
  } else add('button', 'sign-in', 'Sign in', () => manager.signinRedirect())
}
</script>`
}

async function serve(t: Test, origin: string, html: string): Promise<void> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', origin)
    if (pathname === '/') return response.setHeader('content-type', 'text/html').end(html)
    const file = join(packageFolder, 'node_modules', pathname)
    return response.setHeader('content-type', 'text/javascript').end(readFileSync(file))
  })
  server.listen(Number(new URL(origin).port), '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
}
