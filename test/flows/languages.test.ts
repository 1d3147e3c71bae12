import t from 'tap'
import { buildApp } from '../../src/app.ts'
import { sealRequest } from '../../src/interaction/continue-value.ts'
import { KeysUnavailable } from '../../src/key-ring/key-ring.ts'
import { parametersOf } from '../../src/protocol/http/parameters.ts'
import { startSignet } from '../support/idp.ts'
import { authorizationParameters, pkce, signIn } from '../support/journey.ts'

/*
 * The language of a page: first what the application asked for (ui_locales), then the person's profile, then what the browser asks for. The
 * same applies to error pages.
 */

const idp = await startSignet(t)
const client = await idp.client()
const german = { 'accept-language': 'de' }

const requestWith = (more: Record<string, string>) =>
  `/authorize?${new URLSearchParams(authorizationParameters(client, pkce(), more))}`

t.test(
  'a request that is refused before its client is known is answered in the language that it asks for',
  async (t) => {
    const page = await idp.browser().get(requestWith({ client_id: 'nobody', ui_locales: 'de' }))
    t.match(page, { status: 400, text: '<html lang="de">' })
    t.match(page.text, 'Diese Anwendung ist hier nicht registriert')
    t.match(
      page.text,
      /<dt>Fehler<\/dt><dd lang="en" dir="ltr">/,
      'text for developers is in English, and marked as English',
    )
  },
)

t.test('a refused form is answered in the language of the request that it carries', async (t) => {
  const browser = idp.browser()
  const signInPage = await browser.follow(await browser.get(requestWith({ ui_locales: 'de' })))
  const sealed = new URL(signInPage.url).searchParams.get('continue') ?? ''
  const refused = await browser.post('/sign-in', { continue: sealed }, { origin: 'https://evil.example' })
  t.match(refused, { status: 403, text: '<html lang="de">' })
  t.match(refused.text, 'Dieses Formular konnte nicht angenommen werden')

  const signedIn = await signIn(idp, client)
  const logout = await signedIn.browser.get('/logout?ui_locales=de')
  const [, continueTo = ''] = /name="continue" value="([^"]+)"/.exec(logout.text) ?? []
  const foreign = { origin: 'https://evil.example' }
  const stillIn = await signedIn.browser.post('/logout/confirm', { continue: continueTo }, foreign)
  t.match(stillIn, { status: 403, text: '<html lang="de">' })
})

t.test('the page for an unknown address or a wrong method follows ui_locales, whatever the query says', async (t) => {
  const headers = { accept: 'text/html' }
  const browser = idp.browser()
  for (const [path, status] of [
    ['/nowhere', 404],
    ['/logout/confirm', 405],
  ] as const) {
    t.match(await browser.get(`${path}?ui_locales=de`, headers), { status, text: '<html lang="de">' })
    t.match(await browser.get(`${path}?values=x&ui_locales=de`, headers), { status, text: '<html lang="de">' })
    t.match(await browser.get(`${path}?values=x`, headers), { status, text: '<html lang="en">' })
    t.match(await browser.get(`${path}?values=x`), { status, text: '"error_uri"' })
    t.match(await browser.post(`${path}/x?values=x`, { values: 'x' }, headers), { status: 404 })
  }
})

t.test('a form from elsewhere is refused as such, whatever is wrong with its parameters', async (t) => {
  for (const form of ['Call+0800=1&Call+0800=2', 'csrf=%ff', 'username=a&username=b']) {
    const refused = await idp.browser().post('/sign-in', form, { origin: 'https://evil.example' })
    t.match(refused, { status: 403, text: 'form_from_elsewhere' })
    t.notMatch(refused.text, '0800')
  }
})

t.test('a sign-in that has expired says so in the language of its request', async (t) => {
  const values = new Map(Object.entries(authorizationParameters(client, pkce(), { ui_locales: 'de' })))
  const twoHoursAgo = Date.now() - 2 * 3_600_000
  const pending = {
    parameters: parametersOf({ values, resource: [] }),
    receivedAt: twoHoursAgo,
    selected: undefined,
    isSigned: false,
    pushed: undefined,
  }
  const sealed = sealRequest(idp.signet.secrets['request-sealing'], pending)
  const expired = await idp.browser().get(`/sign-in?continue=${sealed}`)
  t.match(expired.text, 'Diese Seite war zu lange geöffnet')
})

t.test(
  "the person's own pages are in the language of their profile, unless the application asks for another",
  async (t) => {
    const person = await idp.person({ locale: 'de_CH' })
    const { browser } = await signIn(idp, client, { person })
    for (const path of ['/', '/account', '/logout', '/sign-in', '/sign-up'])
      t.match((await browser.get(path, { 'accept-language': 'en' })).text, '<html lang="de">', path)
    for (const wrong of [{ client_id: 'nobody' }, { client_id: '' }, { redirect_uri: 'https://evil.example/' }]) {
      const refused = await browser.get(requestWith(wrong), { 'accept-language': 'en' })
      t.match(refused, { status: 400, text: '<html lang="de">' }, JSON.stringify(wrong))
    }
    const consent = await browser.get(requestWith({ prompt: 'consent', ui_locales: 'en' }))
    t.match((await browser.follow(consent)).text, '<html lang="en">')
    const inProfile = await browser.get(requestWith({ prompt: 'consent' }))
    t.match((await browser.follow(inProfile)).text, '<html lang="de">')
  },
)

t.test('without either, the browser decides; unsupported languages are skipped', async (t) => {
  const browser = idp.browser()
  t.match((await browser.get('/sign-in', german)).text, '<html lang="de">')
  const signInPage = await browser.get(requestWith({ ui_locales: 'tlh' }), german)
  const followed = await browser.get(signInPage.location ?? '', german)
  t.match(followed.text, '<html lang="de">')
})

t.test(
  'closed sign-up and a broken link each get their own message, not the one about forms from elsewhere',
  async (t) => {
    const closed = await idp.another({ SIGNET_SIGN_UP: 'closed' })
    const refused = await closed.browser().post('/sign-up', { email: 'ada@example.com' }, german)
    t.match(refused, { status: 403, text: 'Hier können keine neuen Konten erstellt werden' })
    t.notMatch(refused.text, 'Formular')
    const broken = await idp.browser().get('/consent?continue=cut-off')
    t.match(broken, { status: 400, text: 'This link does not work' })
    t.notMatch(broken.text, 'form')
  },
)

t.test('who uses an application that was deleted reads what can be done about it', async (t) => {
  const { status, text } = await idp
    .browser()
    .get(requestWith({ client_id: 'client_deleted' }), { 'accept-language': 'en' })
  t.equal(status, 400)
  for (const part of ['not registered here', 'set it up again', 'No client has this client_id.']) t.match(text, part)
  t.notMatch(text, 'cannot fix this yourself')
})

t.test('the page of errors has an index that names each error once', async (t) => {
  const { text } = await idp.browser().get('/errors')
  const index = /<nav class="index"[\s\S]*?<\/nav>/.exec(text)?.[0] ?? ''
  const linked = [...index.matchAll(/href="#(\w+)"/g)].map(([, name]) => name)
  const sections = [...text.matchAll(/<section id="(\w+)"/g)].map(([, name]) => name)
  t.ok(sections.length > 50)
  t.same(linked.sort(), sections.sort())
})

t.test(
  'consent and account pages describe each scope in the words of its API, in the language of the page',
  async (t) => {
    const api = 'https://notes.example'
    await idp.resource(api, ['notes:read', 'notes:write', 'notes:share'], {
      scopeDescriptions: [
        { scope: 'notes:read', language: undefined, text: 'read your notes' },
        { scope: 'notes:read', language: 'de-CH', text: 'Ihre Notizen lesen' },
        { scope: 'notes:write', language: 'fr', text: 'modifier vos notes' },
      ],
    })
    const scope = 'openid notes:read notes:write notes:share'
    const reader = await idp.client({ scope, resources: [api] })
    const request = `/authorize?${new URLSearchParams(authorizationParameters(reader, pkce(), { scope, prompt: 'consent' }))}`
    const { browser } = await signIn(idp, reader, { parameters: { scope } })
    const languages = { de: '>Ihre Notizen lesen<', en: '>read your notes<' }
    for (const [language, words] of Object.entries(languages)) {
      const asked = await browser.follow(await browser.get(`${request}&ui_locales=${language}`))
      const account = await browser.get('/account/applications', { 'accept-language': language })
      for (const { text } of [asked, account]) {
        t.match(text, words)
        t.match(text, '<bdi lang="fr">modifier vos notes</bdi>', 'words in another language, marked as such')
        t.match(text, '<bdi class="identifier">notes:share</bdi>', 'the bare value if there is no description')
      }
    }
  },
)

t.test('a node that cannot confirm its secrets says so on a page, also in the middle of a request', async (t) => {
  const browser = idp.browser()
  const { url } = await browser.follow(await browser.get(requestWith({ ui_locales: 'de' })))
  const secrets = Object.create(idp.signet.secrets, {
    'request-sealing': {
      get: () => {
        throw new KeysUnavailable('The secrets of this node could not be confirmed.')
      },
    },
  })
  const app = buildApp({ ...idp.signet, secrets })
  t.teardown(() => app.close())
  const answer = await app.inject({
    url: new URL(url).pathname + new URL(url).search,
    headers: { accept: 'text/html' },
  })
  t.match(answer, { statusCode: 503, headers: { 'content-type': /^text\/html/, 'retry-after': String } })
  t.notMatch(answer.body, 'could not be confirmed')
})
