import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { BrowserContext, BrowserContextOptions, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { de } from '../../src/html/messages/de.ts'
import { endGrant } from '../../src/records/endings/end-rows-store.ts'
import type { GrantId } from '../../src/records/ids.ts'
import { loadExample } from '../support/example.ts'
import { freePort, type Person, startSignet } from '../support/idp.ts'
import { invited } from '../support/invitations.ts'
import { authorizationParameters, passPages, pkce } from '../support/journey.ts'
import { sharedChromium } from './shared-chromium.ts'
import { focusOn } from './show-page.ts'

const audience = 'https://api.notes.example'
const scope = 'openid profile email offline_access notes:read notes:write'

const idp = await startSignet(t)
await idp.resource(audience, ['notes:read', 'notes:write'])
const { createApi } = await loadExample<typeof import('../../examples/api/api.js')>('api/api.js')
const { createNotes } = await loadExample<typeof import('../../examples/notes/notes.js')>('notes/notes.js')
const api = await serve(createApi({ issuer: idp.issuer, audience }))
const notes = await application('Notes', idp.issuer)
const sketches = await application('Sketches', idp.issuer)
const browser = await sharedChromium()

/** A person with an account; applications show the name. */
const person = async (name: string) => ({ name, ...(await idp.person({ name })) })

journey(
  'a sign-in that somebody else started cannot be finished in this browser',
  async (t, page) => {
    const stranger = await person('Stranger')
    const elsewhere = await browser.newContext()
    const theirs = await elsewhere.newPage()
    await theirs.goto(`${notes.origin}/sign-in`)
    const answer = await answerTo(theirs, stranger)
    t.match(answer, /[?&]code=/)

    await page.goto(answer)
    t.match(await page.textContent('#fault'), 'It was not started in this browser')
    await page.goto(`${notes.origin}/sign-in`)
    await page.goto(answer)
    t.match(await page.textContent('#fault'), 'It was not started in this browser', 'nor during a sign-in of its own')
    await page.goto(notes.origin)
    t.equal(await page.locator('#person').count(), 0)
    await elsewhere.close()
  },
  { complaints: [/status of 400/, /status of 400/] },
)

journey(
  'a response with a made-up state is refused',
  async (t, page) => {
    await page.goto(`${notes.origin}/sign-in`)
    const forged = new URLSearchParams({ code: 'made-up', state: 'made-up', iss: idp.issuer })
    await page.goto(`${notes.origin}/callback?${forged}`)
    t.match(await page.textContent('#fault'), 'Nothing has changed')
    await page.click('#sign-in')
    await page.waitForURL(`${idp.issuer}/sign-in?**`)
  },
  { complaints: [/status of 400/] },
)

journey(
  'a response that names another issuer is refused (RFC 9207)',
  async (t, page) => {
    await page.goto(`${notes.origin}/sign-in`)
    const mixedUp = new URL(await answerTo(page, await person('Person')))
    mixedUp.searchParams.set('iss', 'https://other.example')
    await page.goto(mixedUp.href)
    await page.waitForSelector('#fault')
    t.match(await page.textContent('h1'), 'This sign-in cannot be trusted')
    await page.goto(notes.origin)
    t.equal(await page.locator('#person').count(), 0)
  },
  { complaints: [/status of 502/] },
)

journey(
  "a form on somebody else's page changes nothing, not even from another port of the same host",
  async (t, page, context) => {
    await arrive(page, notes, await person('Person'))
    for (const foreign of ['http://localhost:9/', 'http://elsewhere.example/']) {
      await context.route(foreign, (route) =>
        route.fulfill({
          contentType: 'text/html',
          body: `<form method="post" action="${notes.origin}/notes"><input name="text" value="planted"><button>Win</button></form>`,
        }),
      )
      await page.goto(foreign)
      await page.click('button')
      await page.waitForURL(`${notes.origin}/notes`)
      t.match(await page.textContent('#fault'), 'It did not come from a page of Notes')
    }
    await page.goto(notes.origin)
    t.equal(await page.textContent('#notes'), 'You have no notes yet.')
  },
  { complaints: [/status of 403/, /status of 403/] },
)

journey(
  'no script can read a cookie that is worth anything, and signing in brings no token into the browser',
  async (t, page, context) => {
    const received: string[] = []
    page.on('response', async (response) => {
      const body = response.request().resourceType() === 'document' ? await response.text().catch(() => '') : ''
      received.push(`${JSON.stringify(await response.allHeaders())}\n${body}`)
    })
    await arrive(page, notes, await person('Person'))
    await page.goto(idp.issuer)
    // It says nothing about the person (OpenID Connect Session Management §3.2). On loopback, cookies of one port are sent to all.
    const { state } = idp.cookieNames
    t.match(await page.evaluate(() => document.cookie), new RegExp(`^${state}=[\\w-]{43}$`))
    const cookies = await context.cookies()
    t.same(
      cookies
        .map(({ name, httpOnly, sameSite }) => ({ name, httpOnly, sameSite }))
        .sort((a, b) => (a.name < b.name ? -1 : 1)),
      ['notes_session', idp.cookieNames.browser, idp.cookieNames.session, state].map((name) => ({
        name,
        httpOnly: name !== state,
        sameSite: 'Lax',
      })),
    )
    t.ok(received.length > 4)
    t.notMatch(received.join('\n'), /eyJ[\w-]+\.eyJ[\w-]+\./, 'a JWT')
  },
)

journey('a changed token is refused by the API, and the page says why', async (t, page) => {
  await arrive(page, notes, await person('Person'))
  await page.click('#send-changed')
  await page.waitForSelector('#trial')
  const trial = await page.textContent('#trial')
  t.match(trial, 'somebody-else')
  t.match(trial, 'The API refused the request (401)')
  t.match(trial, /signature/i)
  await page.reload()
  t.equal(await page.locator('#trial').count(), 0, 'the message is shown once')
})

journey('what another person types is shown as text', async (t, page) => {
  const name = `<script>document.title = 'taken'</script>`
  await arrive(page, notes, await person(name))
  t.equal(await page.textContent('#person'), name)
  await addNote(page, `"><img src=x onerror="document.title = 'taken'">`)
  t.equal(await page.textContent('#notes li'), `"><img src=x onerror="document.title = 'taken'">`)
  t.equal(await page.title(), 'Notes')
})

journey('a new user creates an account, allows access, and is greeted by name with their notes', async (t, page) => {
  await page.goto(notes.origin)
  await page.click('#sign-in')
  await page.waitForURL(`${idp.issuer}/sign-in?**`)
  await page.fill('#username', 'new.person@example.com')
  await page.click('#to-sign-up')
  await page.waitForURL(`${idp.issuer}/sign-up?**`)
  await page.reload()
  t.equal(await page.inputValue('#email'), 'new.person@example.com', 'nobody has to type it twice, even after a reload')
  t.notMatch(page.url(), 'new.person')
  await page.fill('#name', 'New Person')
  await page.fill('#password', 'rather long and only mine')
  await page.click('#sign-up')
  await page.waitForURL(`${idp.issuer}/consent?**`)
  t.match(await page.textContent('main'), 'Notes')
  t.match(await page.textContent('main'), 'notes:read')
  await page.click('#allow')
  await page.waitForURL(`${notes.origin}/`)
  t.equal(await page.textContent('#person'), 'New Person')
  t.equal(await page.textContent('#notes'), 'You have no notes yet.')
  await addNote(page, 'buy bread')
  t.same(await page.locator('#notes li').allTextContents(), ['buy bread'])
})

journey(
  'an invited person creates an account, and its address is verified',
  async (t, page) => {
    const link = idp.issuer + (await invited(idp, 'invited.person@example.com', '--name', 'Invited Person'))
    await page.goto(link)
    t.equal(await page.inputValue('#email'), 'invited.person@example.com')
    t.equal(await page.isEditable('#email'), false)
    t.equal(await page.inputValue('#name'), 'Invited Person')
    await page.fill('#password', 'short')
    await page.click('#sign-up')
    t.equal(await page.locator('#password:invalid').count(), 1, 'the browser says what is missing')
    await page.fill('#password', 'rather long and only mine')
    await page.click('#sign-up')
    await page.waitForURL(`${idp.issuer}/account`)
    await page.getByRole('link', { name: 'Sign-in', exact: true }).click()
    await page.waitForURL(`${idp.issuer}/account/sign-in`)
    t.match(await page.textContent('main'), 'This address is verified.')
    await page.goto(link)
    t.match(await page.textContent('h1'), 'This invitation cannot be used', 'the link works once')
    await page.click('#to-sign-in')
    await page.waitForURL(`${idp.issuer}/sign-in`)
  },
  { complaints: [/410 \(Gone\)/] },
)

journey('each person sees only their own notes', async (t, page) => {
  const [first, second] = [await person('First'), await person('Second')]
  await arrive(page, notes, first)
  await addNote(page, 'of the first')
  await signOut(page, notes)
  await arrive(page, notes, second)
  t.equal(await page.textContent('#notes'), 'You have no notes yet.')
  await signOut(page, notes)
  await arrive(page, notes, first, { consents: false })
  t.same(await page.locator('#notes li').allTextContents(), ['of the first'])
})

journey(
  'signing out ends both sessions: the next sign-in asks for the password, but not for consent again',
  async (t, page, context) => {
    const somebody = await person('Person')
    await arrive(page, notes, somebody)
    await signOut(page, notes)
    t.equal(await page.textContent('h1'), 'You are signed out')
    t.same((await context.cookies()).map(({ name }) => name).sort(), [idp.cookieNames.browser, idp.cookieNames.state])
    await page.goto(notes.origin)
    t.equal(await page.locator('#person').count(), 0)
    await page.click('#sign-in')
    await page.waitForURL(`${idp.issuer}/sign-in?**`)
    await signIn(page, somebody)
    await page.waitForURL(`${notes.origin}/`)
    t.equal(await page.textContent('#person'), 'Person')
  },
)

journey('a second application asks for consent, but not for a password', async (t, page) => {
  await arrive(page, notes, await person('Person'))
  await page.goto(sketches.origin)
  await page.click('#sign-in')
  await page.waitForURL(`${idp.issuer}/consent?**`)
  await page.click('#allow')
  await page.waitForURL(`${sketches.origin}/`)
  t.equal(await page.textContent('#person'), 'Person')
  await page.goto(notes.origin)
  t.equal(await page.textContent('#person'), 'Person', 'and the first one is still signed in')
})

journey(
  'after signing in as somebody else in a second tab, the first tab asks again, about the new person',
  async (t, page, context) => {
    const [first, second] = [await person('First'), await person('Second')]
    await page.goto(`${notes.origin}/sign-in`)
    await signIn(page, first)
    await page.waitForSelector('#allow')
    t.match(await page.textContent('main'), first.email)

    const tab = await context.newPage()
    await tab.goto(`${idp.issuer}/sign-in`)
    await signIn(tab, second)
    await tab.waitForURL(`${idp.issuer}/`)

    await Promise.all([page.waitForEvent('framenavigated'), page.click('#allow')])
    await page.waitForURL(`${idp.issuer}/consent?**`)
    await page.getByText(second.email).waitFor()
    t.notMatch(await page.textContent('main'), first.email)
    await page.click('#allow')
    await page.waitForURL(`${notes.origin}/`)
    t.equal(await page.textContent('#person'), 'Second')
  },
)

journey(
  'if somebody else is now signed in at Signet, they are asked before they are signed out',
  async (t, page, context) => {
    const [first, second] = [await person('First'), await person('Second')]
    await arrive(page, notes, first)
    const tab = await context.newPage()
    await tab.goto(`${idp.issuer}/sign-in`)
    await signIn(tab, second)
    await tab.waitForURL(`${idp.issuer}/`)
    await page.click('#sign-out')
    await page.waitForSelector('#confirm-logout')
    t.match(await page.textContent('main'), 'Second')
    await tab.reload()
    t.match(await tab.textContent('main'), 'Second', 'still signed in')
    await page.click('#confirm-logout')
    await page.waitForURL(`${notes.origin}/signed-out`)
  },
)

journey('after a denial the application says so, and knows nothing about the person', async (t, page) => {
  await page.goto(`${notes.origin}/sign-in`)
  await signIn(page, await person('Person'))
  await page.click('#deny')
  await page.waitForURL(`${notes.origin}/callback?**`)
  t.match(await page.textContent('#fault'), 'Notes was not given access and knows nothing about you.')
  t.match(await page.textContent('#fault'), 'The user denied access.')
  await page.goto(notes.origin)
  t.equal(await page.locator('#person').count(), 0)
})

journey('turning back at the password leads back to the application, which says so', async (t, page) => {
  await page.goto(`${notes.origin}/sign-in`)
  await page.click(`a[href^="${notes.origin}/callback"]`)
  await page.waitForURL(`${notes.origin}/callback?**`)
  t.match(await page.textContent('#fault'), 'The user did not sign in.')
})

journey('two tabs that both start a sign-in both return to the application', async (t, page, context) => {
  const somebody = await person('Person')
  const tab = await context.newPage()
  await page.goto(`${notes.origin}/sign-in`)
  await tab.goto(`${notes.origin}/sign-in`)
  await signIn(tab, somebody)
  await tab.click('#allow')
  await tab.waitForURL(`${notes.origin}/`)
  await signIn(page, somebody)
  await page.waitForURL(`${notes.origin}/`)
  t.equal(await page.textContent('#person'), 'Person')
})

journey(
  'when the grant has ended, the application says so and offers to sign in again',
  async (t, page) => {
    const somebody = await person('Person')
    // Access tokens so short-lived that the application needs a new one for each page.
    await idp.resource(audience, ['notes:read', 'notes:write'], { accessTokenTtl: 10 })
    await arrive(page, notes, somebody)
    await page.reload()
    t.equal(await page.textContent('#notes'), 'You have no notes yet.', 'refreshed')
    const { rows } = await idp.signet.database.query<{ id: GrantId }>({
      text: 'SELECT id FROM grants WHERE sub = $1',
      values: [somebody.sub],
    })
    for (const { id } of rows) await endGrant(idp.signet.database, id, 'revoked_by_operator')
    await page.reload()
    t.equal(await page.textContent('#fault'), 'Your sign-in has ended.')
    await page.goto(notes.origin)
    t.equal(await page.locator('#person').count(), 0, 'nor is anybody signed in at the application')
    await idp.resource(audience, ['notes:read', 'notes:write'])
  },
  { complaints: [/status of 401/] },
)

journey(
  'while Signet is unreachable, the application says so',
  async (t, page) => {
    const alone = await application('Alone', `http://localhost:${await freePort()}`)
    await page.goto(alone.origin)
    await page.click('#sign-in')
    await page.waitForSelector('#fault')
    t.equal(await page.textContent('h1'), 'Signet cannot be reached')
  },
  { complaints: [/status of 503/] },
)

journey(
  'a German browser gets German pages',
  async (t, page) => {
    await page.goto(`${notes.origin}/sign-in`)
    t.equal(await page.getAttribute('html', 'lang'), 'de')
    t.equal(await page.textContent('h1'), de.signIn.title)
    t.match(await page.textContent('.purpose'), 'um mit Notes fortzufahren')
    await signIn(page, await person('Person'))
    await page.waitForSelector('#allow')
    t.equal(await page.getAttribute('html', 'lang'), 'de')
    t.equal(await page.textContent('#allow'), de.consent.allow)
  },
  { options: { locale: 'de-DE' } },
)

journey(
  'everything works without scripts',
  async (t, page) => {
    await arrive(page, notes, await person('Person'))
    await addNote(page, 'without a script')
    t.same(await page.locator('#notes li').allTextContents(), ['without a script'])
    await page.click('#send-changed')
    await page.waitForSelector('#trial')
    await signOut(page, notes)
  },
  { options: { javaScriptEnabled: false } },
)

for (const javaScriptEnabled of [true, false])
  journey(
    `a form_post response arrives ${javaScriptEnabled ? 'automatically' : 'at the press of a button if scripts are off'}`,
    async (t, page) => {
      const received = await receiver(t)
      const client = await idp.client({ redirect_uris: [`${received.origin}/callback`] })
      const parameters = authorizationParameters(client, pkce(), {
        response_mode: 'form_post',
        state: 'a state & more',
      })
      await page.goto(`${idp.issuer}/authorize?${new URLSearchParams(parameters)}`)
      await signIn(page, await person('Person'))
      await page.click('#allow')
      if (!javaScriptEnabled) await page.click(`form[action="${received.origin}/callback"] button`)
      await page.waitForURL(`${received.origin}/callback`)
      const [answer, ...more] = received.forms
      t.same(more, [], 'once')
      t.equal(answer?.get('state'), 'a state & more')
      t.equal(answer?.get('iss'), idp.issuer)
      t.match(answer?.get('code'), /^[\w-]{43}$/)
    },
    { options: { javaScriptEnabled } },
  )

journey(
  'an application that waits for a pop-up gets its response, after a wrong password, a consent and a sign-out',
  async (t, page, context) => {
    const opener = await reporter(t)
    const client = await idp.client({
      redirect_uris: [`${opener}/callback`],
      post_logout_redirect_uris: [`${opener}/signed-out`],
    })
    const somebody = await person('Person')
    const wait = async (path: string, parameters: Record<string, string>, act: (popup: Page) => Promise<void>) => {
      const address = `${idp.issuer}${path}?${new URLSearchParams(parameters)}`
      await page.goto(opener)
      const [popup] = await Promise.all([
        context.waitForEvent('page'),
        page.evaluate(`open(${JSON.stringify(address)})`),
      ])
      await act(popup)
      await page.waitForFunction('self.answer !== undefined')
      return new URL(String(await page.evaluate('self.answer')))
    }

    const answer = await wait('/authorize', authorizationParameters(client, pkce()), async (popup) => {
      await signIn(popup, { ...somebody, password: 'not the password' })
      await popup.waitForSelector('[role=alert]')
      await signIn(popup, somebody)
      await popup.click('#allow')
    })
    t.match(answer.searchParams.get('code'), /^[\w-]{43}$/)
    t.equal(answer.searchParams.get('iss'), idp.issuer)

    const signOutAt = { client_id: client.client_id, post_logout_redirect_uri: `${opener}/signed-out` }
    const end = await wait('/logout', signOutAt, (popup) => popup.click('#confirm-logout'))
    t.equal(end.pathname, '/signed-out')
  },
  { complaints: [/status of 403/] },
)

journey(
  'a page that opens the account page keeps no handle to it, and the account page has no opener',
  async (t, page, context) => {
    const somebody = await person('Person')
    await page.goto(`${idp.issuer}/sign-in`)
    await signIn(page, somebody)
    await page.waitForURL(`${idp.issuer}/`)
    const opener = await reporter(t)
    for (const path of ['/account', '/', '/errors', '/inspect', '/no-such-page']) {
      await page.goto(opener)
      const [popup] = await Promise.all([
        context.waitForEvent('page'),
        page.evaluate(`self.popup = open(${JSON.stringify(idp.issuer + path)})`),
      ])
      await popup.waitForSelector('main')
      t.equal(await popup.evaluate('self.opener'), null, path)
      t.equal(await page.evaluate('popup.closed'), true, `${path}: it looks closed to the opener`)
      await popup.close()
    }
  },
  { complaints: [/status of 404/] },
)

journey('the keyboard is enough for the whole journey', async (t, page) => {
  const somebody = await person('Person')
  await page.goto(notes.origin)
  await tabTo(page, 'sign-in')
  await page.keyboard.press('Enter')
  await page.waitForURL(`${idp.issuer}/sign-in?**`)
  await focusOn(page, 'username')
  await page.keyboard.type(somebody.username)
  await page.keyboard.press('Tab')
  t.equal(await focused(page), 'password')
  await page.keyboard.type(somebody.password)
  await page.keyboard.press('Enter')
  await page.waitForURL(`${idp.issuer}/consent?**`)
  await tabTo(page, 'allow')
  await page.keyboard.press('Enter')
  await page.waitForURL(`${notes.origin}/`)
  await tabTo(page, 'text')
  await page.keyboard.type('typed')
  await page.keyboard.press('Enter')
  await page.waitForSelector('#notes li')
  await tabTo(page, 'sign-out')
  await page.keyboard.press('Enter')
  await page.waitForURL(`${notes.origin}/signed-out`)
})

interface Surroundings {
  readonly options?: BrowserContextOptions
  /** Complaints that are expected from the browser. There must be no others: no script error, no policy violation. */
  readonly complaints?: readonly RegExp[]
}

/** A test in a browser without cookies or storage. */
function journey(
  name: string,
  goes: (t: Test, page: Page, context: BrowserContext) => Promise<void>,
  { options = {}, complaints: expected = [] }: Surroundings = {},
): void {
  t.test(name, async (t) => {
    const context = await browser.newContext(options)
    context.setDefaultTimeout(10_000)
    const complaints: string[] = []
    context.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
    context.on('weberror', (error) => complaints.push(error.error().message))
    try {
      await goes(t, await context.newPage(), context)
    } finally {
      await context.close()
    }
    t.match(complaints, expected)
    t.equal(complaints.length, expected.length, complaints.join('\n'))
  })
}

interface Application {
  readonly origin: string
}

/** The example application under its own name, with its own client. */
async function application(name: string, issuer: string): Promise<Application> {
  const port = await freePort()
  const origin = `http://localhost:${port}`
  const { client_id, secret } = await idp.client({
    client_name: name,
    redirect_uris: [`${origin}/callback`],
    post_logout_redirect_uris: [`${origin}/signed-out`],
    scope,
    resources: [audience],
  })
  const client = async () => ({ client_id, client_secret: secret ?? '' })
  await serve(createNotes({ name, origin, issuer, client, api: { url: api, audience } }), port)
  return { origin }
}

async function serve(app: FastifyInstance, port?: number): Promise<string> {
  await app.listen({ host: '127.0.0.1', port: port ?? 0 })
  t.teardown(() => app.close())
  return `http://localhost:${(app.server.address() as AddressInfo).port}`
}

/** An application whose other pages report their address to the window that opened them. */
async function reporter(t: Test): Promise<string> {
  const script = `addEventListener('message', ({ data }) => { self.answer = data })
    if (location.pathname !== '/') opener.postMessage(location.href, location.origin)`
  const server = createServer((_request, response) => {
    response
      .setHeader('content-type', 'text/html')
      .end(`<!doctype html><link rel="icon" href="data:,"><title>Application</title><script>${script}</script>`)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://localhost:${(server.address() as AddressInfo).port}`
}

/** A redirect URI that records the forms posted to it. */
async function receiver(t: Test) {
  const forms: URLSearchParams[] = []
  const server = createServer(async (request, response) => {
    if (request.method === 'POST') {
      let body = ''
      for await (const chunk of request) body += chunk
      forms.push(new URLSearchParams(body))
    }
    response
      .setHeader('content-type', 'text/html')
      .end('<!doctype html><link rel="icon" href="data:,"><title>There</title>')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { origin: `http://localhost:${(server.address() as AddressInfo).port}`, forms }
}

async function signIn(page: Page, { username, password }: Person): Promise<void> {
  await page.fill('#username', username)
  await page.fill('#password', password)
  await page.click('#sign-in')
}

/** Signet's response to the request that this page came with. The browser never receives it. */
async function answerTo(page: Page, somebody: Person): Promise<string> {
  const other = idp.browser()
  const back = await passPages(other, await other.get(page.url()), somebody)
  if (back.location === undefined) throw new Error(`The journey ended at ${back.url}.`)
  return back.location
}

/** A complete sign-in to an application. */
async function arrive(page: Page, { origin }: Application, somebody: Person, { consents = true } = {}): Promise<void> {
  await page.goto(`${origin}/sign-in`)
  await signIn(page, somebody)
  if (consents) await page.click('#allow')
  await page.waitForURL(`${origin}/`)
}

async function signOut(page: Page, { origin }: Application): Promise<void> {
  await page.click('#sign-out')
  await page.waitForURL(`${origin}/signed-out`)
}

async function addNote(page: Page, text: string): Promise<void> {
  await page.fill('#text', text)
  await page.click('#add')
  await page.locator('#notes li').first().waitFor()
}

function focused(page: Page): Promise<string> {
  return page.evaluate(() => document.activeElement?.id ?? '')
}

async function tabTo(page: Page, id: string): Promise<void> {
  for (let presses = 0; presses < 20; presses++) {
    if ((await focused(page)) === id) return
    await page.keyboard.press('Tab')
  }
  throw new Error(`Tab does not reach #${id}.`)
}
