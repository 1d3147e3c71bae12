import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { join, normalize } from 'node:path'
import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { packageFolder } from '../../src/platform/config/installation-folder.ts'
import { freePort, type Person, startSignet, type TestClient } from '../support/idp.ts'
import { sharedChromium } from './shared-chromium.ts'

/** The documentation page is meant to be copied from, so its code is run here unchanged. */
const page = readFileSync(join(packageFolder, 'docs/use-from-an-app.md'), 'utf8')

const idp = await startSignet(t)
const browser = await sharedChromium()

/** On one host, a script can read the state cookie (OpenID Connect Session Management §3.2), and no other. */
const onlyState = /^signet_state_\d+=[\w-]{43}$/

t.test('the application with a server signs people in and out', async (t) => {
  const { origin, client } = await register({ redirect: '/callback', afterLogout: '/' })
  await startApp(t, snippet('js', '// app.mjs'), origin, client)
  const name = '<b>Person</b> & Co.'
  const person = { name, ...(await idp.person({ name })) }
  const context = await browser.newContext()
  const tab = await context.newPage()

  await tab.goto(`${origin}/callback?code=made-up&state=made-up`)
  t.match(await tab.textContent('body'), 'This sign-in was not started in this browser.')
  await tab.goto(`${origin}/`)
  await tab.getByText('Sign in with Signet').click()
  await signIn(tab, person)
  await tab.waitForURL(`${origin}/`)
  t.equal(await tab.textContent('p'), 'Hello, <b>Person</b> & Co.', 'a name is shown as text')
  t.match(await tab.evaluate(() => document.cookie), onlyState)

  await tab.getByText('Sign out').click()
  await tab.getByText('Nobody is signed in').waitFor()
  await tab.goto(`${origin}/sign-in`)
  t.equal(await tab.locator('#password').count(), 1, 'at Signet too')
  await context.close()
})

t.test('the single-page application signs people in, and says so when they decline', async (t) => {
  const { origin, client } = await register({ redirect: '/', public: true })
  const html = snippet('html', '<!doctype html>')
    .replace("'https://id.example.com'", `'${idp.issuer}'`)
    .replace("'client_of_this_page'", `'${client.client_id}'`)
    .replace('<meta charset="utf-8">', `<meta charset="utf-8"><link rel="icon" href="data:,">${importMap}`)
  await serveAsBundlerWould(t, html, origin)
  const person = { name: 'Person', ...(await idp.person({ name: 'Person' })) }
  const context = await browser.newContext()
  const tab = await context.newPage()
  const complaints: string[] = []
  tab.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
  tab.on('pageerror', (error) => complaints.push(error.message))

  await tab.goto(origin)
  await tab.click('#sign-in')
  await tab.click(`a[href^="${origin}/"]`)
  await tab.getByText('You are not signed in: The user did not sign in.').waitFor()

  await tab.click('#sign-in')
  await tab.waitForURL(`${idp.issuer}/sign-in?**`)
  await signIn(tab, person)
  await tab.getByText('Hello, Person').waitFor()
  t.equal(tab.url(), `${origin}/`)
  const kept = await tab.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]))
  t.match(kept, /^\[\{\},\{\},"signet_state_\d+=[\w-]{43}"\]$/)
  t.same(complaints, [])

  // Headers that monitoring scripts add to each request of a page, and that HTTP libraries add to an empty POST.
  const answers = await tab.evaluate(async (issuer) => {
    const tracing = { traceparent: `00-${'1'.repeat(32)}-${'1'.repeat(16)}-01`, baggage: 'a=b', 'sentry-trace': '1' }
    const headers = { ...tracing, authorization: 'Bearer x', 'content-type': 'application/json' }
    const jwks = await fetch(`${issuer}/.well-known/jwks.json`, { headers: tracing })
    const userinfo = await fetch(`${issuer}/userinfo`, { method: 'POST', headers })
    return [jwks.status, userinfo.status]
  }, idp.issuer)
  t.same(answers, [200, 401])
  await context.close()
})

/** A code block of the documentation page. */
function snippet(language: string, beginning: string): string {
  const [, code] = new RegExp(`\`\`\`${language}\n(${beginning}[\\s\\S]*?)\`\`\``).exec(page) ?? []
  if (code === undefined) throw new Error(`The page has no ${language} block that begins with ${beginning}.`)
  return code
}

async function register(paths: { redirect: string; afterLogout?: string; public?: boolean }) {
  const origin = `http://localhost:${await freePort()}`
  const client = await idp.client({
    client_name: 'Notes',
    redirect_uris: [`${origin}${paths.redirect}`],
    post_logout_redirect_uris: paths.afterLogout === undefined ? [] : [`${origin}${paths.afterLogout}`],
    token_endpoint_auth_method: paths.public ? 'none' : 'client_secret_basic',
  })
  return { origin, client }
}

/** Runs it as a separate program, from a folder in which Node finds the packages. */
async function startApp(t: Test, code: string, origin: string, client: TestClient): Promise<void> {
  const folder = join(packageFolder, '.signet', 'test', `app-${new URL(origin).port}`)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'app.mjs'), code)
  const app = spawn('env', ['-u', 'NODE_OPTIONS', process.execPath, 'app.mjs'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      PATH: process.env['PATH'],
      ISSUER: idp.issuer,
      ORIGIN: origin,
      CLIENT_ID: client.client_id,
      CLIENT_SECRET: client.secret,
    },
  })
  const ended = once(app, 'exit')
  t.teardown(async () => {
    app.kill()
    await ended
    rmSync(folder, { recursive: true })
  })
  await Promise.race([once(app.stdout, 'data'), ended.then(() => Promise.reject(new Error('app.mjs has ended.')))])
}

/** What a bundler does for the page: it resolves the packages that are imported by name. */
const modules = {
  'openid-client': 'openid-client/build/index.js',
  oauth4webapi: 'oauth4webapi/build/index.js',
  ...Object.fromEntries(
    ['jose/jwe/compact/decrypt', 'jose/errors'].map((name) => [
      name,
      createRequire(import.meta.url)
        .resolve(name)
        .split('/node_modules/')[1],
    ]),
  ),
}
const imports = Object.fromEntries(Object.entries(modules).map(([name, file]) => [name, `/node_modules/${file}`]))
const importMap = `<script type="importmap">${JSON.stringify({ imports })}</script>`

async function serveAsBundlerWould(t: Test, html: string, origin: string): Promise<void> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', origin)
    if (pathname === '/') return response.setHeader('content-type', 'text/html').end(html)
    response.setHeader('content-type', 'text/javascript').end(readFileSync(join(packageFolder, normalize(pathname))))
  })
  server.listen(Number(new URL(origin).port), '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
}

async function signIn(tab: Page, { username, password }: Person): Promise<void> {
  await tab.fill('#username', username)
  await tab.fill('#password', password)
  await tab.click('#sign-in')
  await tab.click('#allow')
}
