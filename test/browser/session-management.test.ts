import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { selfSigned } from '../cli/doctor/certificate.ts'
import { freePort, startSignet, type TestClient } from '../support/idp.ts'
import { authorizationParameters, pkce } from '../support/journey.ts'
import { sharedChromium } from './shared-chromium.ts'

/*
 * Three sites over https: browsers withhold cookies from the frames of other sites, unless they are marked for it. Names below `localhost` lead to this machine, and each is a site of
 * its own.
 */

const { cert, key } = selfSigned({ name: 'localhost' })
const folder = mkdtempSync(join(tmpdir(), 'signet-sessions-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))
writeFileSync(join(folder, 'cert.pem'), cert)
writeFileSync(join(folder, 'key.pem'), key, { mode: 0o600 })

const issuer = `https://id.localhost:${await freePort()}`
const idp = await startSignet(t, {
  SIGNET_ISSUER: issuer,
  SIGNET_TLS_CERT: join(folder, 'cert.pem'),
  SIGNET_TLS_KEY: join(folder, 'key.pem'),
})
const browser = await sharedChromium()

interface Application {
  readonly origin: string
  readonly client: TestClient
  /** What its logout page was asked for. */
  readonly asked: URL[]
  /** The cookies that came with that. */
  readonly cookies: string[]
  /** What the script of its logout page has reported. */
  readonly reports: string[]
}

const one = await application('one.localhost')
const two = await application('two.localhost')
/** What the page of `two` does instead of signing the person out. */
let twoAnswers: ((request: IncomingMessage, response: ServerResponse) => void) | undefined

/** An application: a callback that sets a cookie, a page that embeds the OP iframe, and a page for front-channel logout. */
async function application(host: string): Promise<Application> {
  const asked: URL[] = []
  const cookies: string[] = []
  const reports: string[] = []
  const server = https.createServer({ cert, key }, (request, response) => {
    const url = new URL(request.url ?? '/', `https://${request.headers.host}`)
    response.setHeader('content-type', 'text/html; charset=utf-8')
    if (url.pathname === '/callback')
      return response
        .setHeader('set-cookie', `app=${host}; Secure; HttpOnly; SameSite=None; Path=/`)
        .end('<!doctype html><title>Signed in</title>')
    if (url.pathname === '/report') {
      reports.push(url.search.slice(1))
      return response.end()
    }
    if (url.pathname !== '/out') return response.end('<!doctype html><title>Application</title><body>')
    asked.push(url)
    cookies.push(request.headers.cookie ?? '')
    if (host === 'two.localhost' && twoAnswers) return twoAnswers(request, response)
    return response.setHeader('set-cookie', 'app=; Max-Age=0; Secure; SameSite=None; Path=/').end('out')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const origin = `https://${host}:${(server.address() as AddressInfo).port}`
  const client = await idp.client({
    first_party: true,
    client_name: host,
    redirect_uris: [`${origin}/callback`],
    post_logout_redirect_uris: [`${origin}/bye`],
    frontchannel_logout_uri: `${origin}/out`,
  })
  return { origin, client, asked, cookies, reports }
}

interface Visitor {
  readonly context: BrowserContext
  readonly page: Page
  /** What the browser complained about on our own pages. */
  readonly complaints: string[]
  /** The `session_state` of each application. */
  readonly states: ReadonlyMap<Application, string>
}

/** A browser in which a person has signed in to these applications. */
async function visitor(t: Test, applications: readonly Application[], options: BrowserContextOptions = {}) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, ...options })
  t.teardown(() => context.close())
  context.setDefaultTimeout(10_000)
  const complaints: string[] = []
  context.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
  const page = await context.newPage()
  const person = await idp.person()
  const states = new Map<Application, string>()
  for (const application of applications) {
    await page.goto(`${issuer}/authorize?${new URLSearchParams(authorizationParameters(application.client, pkce()))}`)
    if (states.size === 0) {
      await page.fill('#username', person.username)
      await page.fill('#password', person.password)
      await page.click('#sign-in')
      await page.waitForURL(`${application.origin}/callback?**`)
    }
    states.set(application, new URL(page.url()).searchParams.get('session_state') ?? '')
    application.asked.length = 0
    application.cookies.length = 0
    application.reports.length = 0
  }
  return { context, page, complaints, states } satisfies Visitor
}

/** Embeds the OP iframe in the page. */
async function embed(page: Page): Promise<void> {
  await page.evaluate(
    (src) =>
      new Promise<void>((resolve) => {
        const frame = document.createElement('iframe')
        frame.src = src
        frame.onload = () => resolve()
        document.body.append(frame)
      }),
    `${issuer}/check-session`,
  )
}

/** What the OP iframe answers to a page. */
function ask(page: Page, message: string): Promise<string> {
  return page.evaluate(
    (text) =>
      new Promise<string>((resolve) => {
        const frame = document.querySelector('iframe')
        window.addEventListener(
          'message',
          ({ data, source, origin }) => resolve(source === frame?.contentWindow ? `${data}` : `${data} from ${origin}`),
          { once: true },
        )
        frame?.contentWindow?.postMessage(text, new URL(frame.src).origin)
      }),
    message,
  )
}

t.test('an application learns from the OP iframe that the person has signed out elsewhere', async (t) => {
  const { context, page, states, complaints } = await visitor(t, [one, two])
  const [mine, theirs] = [one, two].map((application) => `${application.client.client_id} ${states.get(application)}`)
  await page.goto(one.origin)
  await embed(page)
  t.equal(await ask(page, mine ?? ''), 'unchanged')
  t.equal(await ask(page, theirs ?? ''), 'changed', 'the value of another application, as if the sign-in were over')
  t.equal(await ask(page, 'nonsense'), 'error')

  t.test('a page of another origin gets the same answer whatever it asks', async (t) => {
    const evil = await context.newPage()
    await evil.goto(`${two.origin}/`)
    await embed(evil)
    t.equal(await ask(evil, mine ?? ''), 'changed')
    t.equal(await ask(evil, theirs ?? ''), 'unchanged')
    await evil.close()
  })

  t.test('no other page of ours can be framed', async (t) => {
    for (const path of ['/', '/sign-in', '/logout', '/account']) {
      await page.evaluate(
        (src) =>
          new Promise<void>((resolve) => {
            const frame = document.createElement('iframe')
            frame.src = src
            frame.onload = () => resolve()
            document.body.append(frame)
          }),
        `${issuer}${path}`,
      )
      const refused = complaints.filter(
        (text) => text.includes(`${issuer}/`) && text.includes("frame-ancestors 'none'"),
      )
      t.equal(refused.length, 1, path)
      complaints.length = 0
    }
  })

  complaints.length = 0
  const elsewhere = await context.newPage()
  await elsewhere.goto(issuer)
  await elsewhere.click('#sign-out')
  await elsewhere.waitForURL(`${issuer}/logout/confirm`)
  t.equal(await elsewhere.textContent('h1'), 'You are signed out')
  t.equal(await ask(page, mine ?? ''), 'changed')
  t.same(complaints, [])
})

t.test(
  'where the cookies of embedded sites are blocked, the answer is error, so that nobody is signed out',
  async (t) => {
    const { context, page, states } = await visitor(t, [one])
    await page.goto(one.origin)
    const devtools = await context.newCDPSession(page)
    await devtools.send('Network.enable')
    const blocked = {
      enableThirdPartyCookieRestriction: true,
      disableThirdPartyCookieMetadata: true,
      disableThirdPartyCookieHeuristics: true,
    }
    await devtools.send('Network.setCookieControls', blocked)
    await page.reload()
    await embed(page)
    t.equal(await ask(page, `${one.client.client_id} ${states.get(one)}`), 'error')
  },
)

/** Opens the page that asks whether to sign out, as an application does. */
async function askToSignOut(page: Page): Promise<string> {
  const bye = `${one.origin}/bye`
  const query = new URLSearchParams({
    client_id: one.client.client_id,
    post_logout_redirect_uri: bye,
    state: `~!*'();:@&=+$,/?#[]{}|<>"\\^%`,
  })
  await page.goto(`${issuer}/logout?${query}`)
  return `${bye}?${new URLSearchParams({ state: query.get('state') ?? '' })}`
}

t.test('all applications are signed out by their own cookies, then the page goes on at once', async (t) => {
  twoAnswers = undefined
  const { context, page, complaints } = await visitor(t, [one, two])
  // Time stands still, so that it is not the end of the wait.
  await page.clock.install()
  await page.clock.pauseAt(new Date(Date.now() + 1000))
  const to = await askToSignOut(page)
  await page.click('#confirm-logout')
  await page.waitForURL(`${one.origin}/bye?**`)
  t.equal(new URL(page.url()).searchParams.get('state'), new URL(to).searchParams.get('state'))
  for (const application of [one, two]) {
    t.equal(application.asked.length, 1)
    t.same([...(application.asked[0]?.searchParams.keys() ?? [])], ['iss', 'sid'])
    t.match(application.cookies[0], 'app=')
  }
  t.same(
    (await context.cookies()).filter(({ name }) => name === 'app'),
    [],
  )
  t.same(complaints, [])
})

t.test('an application that never answers does not keep the person', async (t) => {
  twoAnswers = (_request, response) => void response.write('<!doctype html><p>endless')
  const { page } = await visitor(t, [one, two])
  await page.clock.install()
  await page.clock.pauseAt(new Date(Date.now() + 1000))
  await askToSignOut(page)
  await page.click('#confirm-logout', { noWaitAfter: true })
  await page.waitForSelector('#continue')
  await page.clock.runFor(4_900)
  t.match(page.url(), `${issuer}/logout/confirm`)
  t.equal(two.asked.length, 1)
  await page.clock.runFor(200)
  await page.waitForURL(`${one.origin}/bye?**`)
  t.equal(one.asked.length, 1)
})

t.test('an application whose script never ends does not keep the person, whether they wait or go', async (t) => {
  twoAnswers = (_request, response) =>
    void response.end(`<!doctype html><script>addEventListener('beforeunload', () => { while (true); })</script>`)
  const waiting = await visitor(t, [one, two])
  await askToSignOut(waiting.page)
  await waiting.page.click('#confirm-logout', { noWaitAfter: true })
  await waiting.page.waitForURL(`${one.origin}/bye?**`)

  const { page } = await visitor(t, [one, two])
  await page.goto(issuer)
  await page.click('#sign-out')
  await page.waitForFunction(() => document.readyState === 'complete')
  t.equal(await page.locator('iframe').count(), 2, 'the page leads nowhere by itself, so the frames stay')
  await page.click('a[href="/sign-in"]', { noWaitAfter: true })
  await page.waitForURL(`${issuer}/sign-in`)
  twoAnswers = undefined
})

t.test('the page of an application can do nothing but its own work', async (t) => {
  const attack = `
    const tried = {}
    const attempt = (name, what) => { try { tried[name] = String(what()) } catch (error) { tried[name] = error.name } }
    attempt('cookie', () => document.cookie.includes('readable'))
    attempt('navigate', () => { top.location = '${two.origin}/taken' })
    attempt('replace', () => { top.location.replace('${two.origin}/taken') })
    attempt('address', () => top.location.href)
    attempt('document', () => parent.document.title)
    attempt('popup', () => window.open('${two.origin}/taken'))
    attempt('alert', () => alert('Your password, please'))
    attempt('form', () => document.forms[0].submit())
    attempt('link', () => document.querySelector('a').click())
    attempt('download', () => document.querySelector('a[download]').click())
    attempt('focus', () => { document.querySelector('input').focus() })
    fetch('/report?' + encodeURIComponent(JSON.stringify(tried)))`
  twoAnswers = (_request, response) =>
    void response
      .setHeader('set-cookie', 'readable=1; Secure; SameSite=None; Path=/')
      .end(
        `<!doctype html><input><form target="_top" action="${two.origin}/taken"></form><a target="_top" href="${two.origin}/taken">x</a><a download="x.exe" href="data:,x">x</a><script>${attack}</script>`,
      )
  const { context, page } = await visitor(t, [two])
  const surprises: string[] = []
  page.on('dialog', () => surprises.push('dialog'))
  page.on('download', () => surprises.push('download'))
  await page.goto(issuer)
  context.on('page', () => surprises.push('window'))
  await page.click('#sign-out')
  await page.waitForURL(`${issuer}/logout/confirm`)
  await page.waitForFunction(() => document.readyState === 'complete')
  while (two.reports.length === 0) await new Promise((resolve) => setTimeout(resolve, 20))
  const tried = JSON.parse(decodeURIComponent(two.reports[0] ?? ''))
  t.match(tried, {
    cookie: 'true',
    navigate: 'SecurityError',
    replace: 'SecurityError',
    address: 'SecurityError',
    document: 'SecurityError',
    popup: 'null',
  })
  t.equal(page.url(), `${issuer}/logout/confirm`)
  t.equal(await page.textContent('h1'), 'You are signed out')
  t.same(surprises, [])
  t.equal(await page.evaluate(() => document.activeElement?.tagName), 'BODY', 'the focus')
  t.equal(await page.locator('iframe').isVisible(), false)
  twoAnswers = undefined
})

t.test('a page that leads on to another site is not followed', async (t) => {
  twoAnswers = (_request, response) => void response.writeHead(302, { location: `${one.origin}/out?stolen` }).end()
  const { page } = await visitor(t, [two])
  one.asked.length = 0
  await page.goto(issuer)
  await page.click('#sign-out')
  await page.waitForURL(`${issuer}/logout/confirm`)
  await page.waitForFunction(() => document.readyState === 'complete')
  t.equal(two.asked.length, 1)
  t.same(one.asked, [])
  twoAnswers = undefined
})

t.test('without JavaScript the frames are loaded, and the page goes on by itself or by its link', async (t) => {
  const { page } = await visitor(t, [one, two], { javaScriptEnabled: false, locale: 'de' })
  const to = await askToSignOut(page)
  await page.click('#confirm-logout')
  await page.waitForURL(`${issuer}/logout/confirm`)
  t.equal(await page.textContent('h1'), 'Sie sind abgemeldet')
  t.equal(await page.locator('meta[http-equiv=refresh]').getAttribute('content'), `5;url=${to}`)
  await page.click('#continue')
  await page.waitForURL(`${one.origin}/bye?**`)
  for (const application of [one, two]) t.equal(application.asked.length, 1)
})
