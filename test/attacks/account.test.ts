import t, { type Test } from 'tap'
import { sealOwnPage } from '../../src/interaction/continue-value.ts'
import { everyAccountPage } from '../support/account-pages.ts'
import type { Visit } from '../support/browser.ts'
import { startSignet } from '../support/idp.ts'
import { signIn } from '../support/journey.ts'
import {
  clearLimits,
  cookiesOf,
  enter,
  type Form,
  formsOf,
  hiddenOf,
  outcomeOf,
  setGuesses,
  stateOf,
} from './account-forms.ts'
import { mutationNames, mutations, unreadable, wireOf, write } from './mutations.ts'
import { faultsOf } from './plain-answer.ts'
import { type Answer, postForm, send } from './send.ts'

const idp = await startSignet(t)
const client = await idp.client({ scope: 'openid profile address phone email offline_access' })

/** What a browser says about a POST that comes from elsewhere. */
const foreign: Record<string, Record<string, string>> = {
  'another origin': { origin: 'https://evil.example' },
  'an origin of null': { origin: 'null' },
  'another port': { origin: 'http://localhost:1' },
  'another scheme': { origin: idp.issuer.replace('http:', 'https:') },
  'the issuer with a slash': { origin: `${idp.issuer}/` },
  'two origins': { origin: `${idp.issuer} https://evil.example` },
  'another site': { 'sec-fetch-site': 'cross-site' },
  'a neighbouring site': { 'sec-fetch-site': 'same-site' },
  'no site, as for a typed address': { 'sec-fetch-site': 'none' },
  'another origin, whatever the referrer says': { origin: 'https://evil.example', referer: `${idp.issuer}/account` },
}

t.test('a complete and valid form of the account page', async (t) => {
  const person = await idp.person()
  const { browser } = await signIn(idp, client, { person })
  await enter(idp, person)
  const cookie = cookiesOf(browser)
  const forms = formsOf(await everyAccountPage(browser), person, client.client_id)
  const before = await stateOf(idp, person)
  const strangersPage = await (await enter(idp, await idp.person())).get('/account')
  const strangersToken = hiddenOf(strangersPage, 'profile-save')['csrf'] ?? ''

  for (const [name, { path, values }] of Object.entries(forms))
    t.test(`${name}: has no effect from elsewhere, by a link or in another encoding`, async (t) => {
      const encoded = new URLSearchParams(values).toString()
      const refused = async (t: Test, answer: Promise<Answer>, statuses: number[], why: string) => {
        const { status, location, setCookies, ...rest } = await answer
        t.same(faultsOf({ status, location, setCookies, ...rest }), [], why)
        t.ok(statuses.includes(status), `${why}: ${status}`)
        t.same([location, setCookies], [undefined, []], why)
      }
      for (const [where, headers] of Object.entries(foreign))
        await refused(t, postForm(idp, path, encoded, { cookie, ...headers }), [403], where)
      const { csrf = '', ...withoutToken } = values
      const silent = (form: Record<string, string>, headers = { cookie }) =>
        postForm(idp, path, new URLSearchParams(form).toString(), headers)
      await refused(t, silent(withoutToken), [403], 'no origin and no token')
      await refused(t, silent({ ...values, csrf: strangersToken }), [403], "another browser's token")
      await refused(t, silent({ ...values, csrf: `${csrf}A` }), [403], 'a longer token')
      const noBrowser = { cookie: cookie.replace(/signet_browser\w*=[^;]*/, '') }
      await refused(t, silent(values, noBrowser), [403], 'a token without its cookie')

      const origin = idp.issuer
      const isPage = path === '/account/sign-in'
      for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS']) {
        const { status } = await send(idp, { method, path: `${path}?${encoded}`, headers: { cookie, origin } })
        t.ok(isPage && /GET|HEAD/.test(method) ? status === 200 : [404, 405].includes(status), method)
      }
      const override = { cookie, origin, 'x-http-method-override': 'POST' }
      const overridden = await send(idp, { path: `${path}?${encoded}&_method=POST`, headers: override })
      t.equal(overridden.status, isPage ? 200 : 405)
      for (const type of ['text/plain', 'multipart/form-data; boundary=x', 'application/json', 'text/xml'])
        await refused(
          t,
          send(idp, { method: 'POST', path, headers: { cookie, origin, 'content-type': type }, body: encoded }),
          [415],
          type,
        )
      const inQuery = await postForm(idp, `${path}?${encoded}`, '', { cookie, origin })
      t.same(faultsOf(inQuery), [])
      t.match(inQuery.location, 'notice=other-account', 'parameters in the query are ignored')
      t.equal(await stateOf(idp, person), before)
    })
})

t.test('every parameter of every form, corrupted in every way', async (t) => {
  const person = await idp.person()
  const { browser } = await signIn(idp, client, { person })
  await enter(idp, person)
  const cookie = cookiesOf(browser)
  const forms = formsOf(await everyAccountPage(browser), person, client.client_id)
  const before = await stateOf(idp, person)
  const anything = (outcome: string) => [outcome, outcome, outcome] as const
  /** By form: what is already wrong with it, and the outcome if a parameter is missing, 8 KB long, or of a wrong type. */
  const tables: Record<
    string,
    [wrong: Record<string, string>, table: Record<string, readonly [string, string, string]>]
  > = {
    profile: [
      { birthdate: '31.12.1990' },
      { name: anything('422'), website: anything('422'), formatted: anything('422'), not_a_parameter: anything('422') },
    ],
    'sign-in names': [
      { 'confirm-password': 'wrong', email: 'another@example.com' },
      { username: ['403', '422', '422'], email: ['403', '422', '422'], 'confirm-password': ['422', '403', '403'] },
    ],
    password: [
      { 'current-password': 'wrong' },
      { 'current-password': ['422', '403', '403'], 'new-password': ['422', '422', '422'] },
    ],
    'a session': [
      { session: 'wrong' },
      { session: anything('/account/sessions'), others: ['/account/sessions', '', ''] },
    ],
    'an application': [{ client_id: 'client_wrong' }, { client_id: anything('/account/applications') }],
  }
  const pages: Record<string, string> = {
    'sign-in names': '/account/sign-in',
    password: '/account/security',
    'a session': '/account/sessions',
    'an application': '/account/applications',
  }
  for (const [name, [wrong, table]] of Object.entries(tables))
    t.test(name, async (t) => {
      const { path, values } = forms[name] as Form
      const good = { ...values, ...wrong }
      const usual = outcomeOf(await postForm(idp, path, write(wireOf(good)), { cookie, origin: idp.issuer }))
      // For csrf, the Origin has already decided; the account of the form is checked before a password is hashed.
      const everywhere = {
        ...(usual === '403' ? {} : { csrf: anything(usual) }),
        account: anything(pages[name] ?? '/account'),
      }
      for (const [parameter, [missing, long, wrongType]] of Object.entries({ ...everywhere, ...table })) {
        await clearLimits(idp)
        for (const mutation of mutationNames) {
          const expected =
            mutation === '8 KB long'
              ? long
              : mutation === 'of a wrong type'
                ? wrongType
                : unreadable.has(mutation)
                  ? '400'
                  : missing
          if (expected === '') continue
          const body = write(mutations[mutation](wireOf(good), parameter))
          const answer = await postForm(idp, path, body, { cookie, origin: idp.issuer })
          t.same(faultsOf(answer), [], `${parameter} ${mutation}`)
          t.equal(outcomeOf(answer), expected, `${parameter} ${mutation}`)
        }
      }
      t.equal(await stateOf(idp, person), before)
    })
})

t.test('another person’s session and application', async (t) => {
  const [victim, attacker] = [await idp.person(), await idp.person()]
  const theirs = await signIn(idp, client, { person: victim })
  await enter(idp, victim)
  const connected = await idp.client()
  await signIn(idp, connected, { person: victim })
  const own = await signIn(idp, client, { person: attacker })
  await enter(idp, attacker)
  const victims = formsOf(await everyAccountPage(theirs.browser), victim, client.client_id)
  const before = await stateOf(idp, victim)
  const page = await own.browser.get('/account/sessions')
  const form = hiddenOf(page, 'end-session-2')

  const bothPasswords = { 'confirm-password': victim.password, 'current-password': victim.password }

  t.test('are out of reach of the victim’s own forms, whichever of their secrets are included', async (t) => {
    for (const [name, { path, values }] of Object.entries(victims)) {
      const sent = await own.browser.post(path, values)
      t.match(sent.location, 'notice=other-account', name)
      const mixed = await own.browser.post(path, { ...values, account: form['account'] ?? '', ...bothPasswords })
      t.notMatch(mixed.text, victim.email, name)
    }
    t.equal(await stateOf(idp, victim), before)
  })
  t.test('cannot be named by values that were sealed for another purpose', async (t) => {
    const session = victims['a session']?.values['session'] ?? ''
    const sealed = sealOwnPage(idp.signet.secrets['request-sealing'], 'account')
    for (const handle of [session, sealed, `${session}=`, session.slice(0, -1), own.code, 'x'.repeat(4000)])
      t.match(await own.browser.post('/account/sessions/end', { ...form, session: handle }), { status: 303 })
    t.equal(await stateOf(idp, victim), before)
  })

  t.test('the existence of an application is not revealed', async (t) => {
    await clearLimits(idp)
    const fresh = hiddenOf(await own.browser.get('/account'), 'profile-save')
    const disconnect = async (client_id: string) => {
      const { status, location, text } = await own.browser.post('/account/applications/disconnect', {
        ...fresh,
        client_id,
      })
      return { status, location, text }
    }
    t.same(await disconnect(connected.client_id), await disconnect('client_that_nobody_has'))
    t.equal(await stateOf(idp, victim), before)
  })
})

/** The elements of a page. @throws if a `<` does not begin an element */
function elementsOf(text: string) {
  const element = /<([a-z][a-z0-9]*)((?:\s+[^\s="'<>]+(?:="[^"]*")?)*)\s*\/?>/g
  const rest = text.replace(element, '').replace(/<\/[a-z0-9]+>|<!doctype html>/g, '')
  if (rest.includes('<'))
    throw new Error(`Not the beginning of an element: ${rest.slice(rest.indexOf('<'), rest.indexOf('<') + 80)}`)
  return [...text.matchAll(element)].map(({ 0: whole, 1: name = '', 2: written = '', index }) => ({
    name,
    attributes: Object.fromEntries(
      [...written.matchAll(/([^\s=]+)(?:="([^"]*)")?/g)].map(([, attribute = '', value = '']) => [attribute, value]),
    ) as Record<string, string>,
    end: index + whole.length,
  }))
}

t.test('HTML in values from anyone is shown as text', async (t) => {
  const evil = (field: string) => `"><script>alert('${field}')</script></textarea><img src=x onerror=alert(1)>&lt;'`
  const texts = [
    'name',
    'nickname',
    'given_name',
    'family_name',
    'middle_name',
    'gender',
    'birthdate',
    'phone_number',
    'locale',
  ]
  const links = ['website', 'profile', 'picture']
  const parts = ['street_address', 'formatted', 'postal_code', 'locality', 'region', 'country']
  const from = (names: string[], value: (name: string) => string) =>
    Object.fromEntries(names.map((name) => [name, value(name)]))
  const zoneinfo = '"><script>alert(1)</script>'
  // As an operator, or another program that writes to the database, could have set it.
  const person = await idp.person({
    ...from(texts, evil),
    ...from(links, () => 'javascript:alert(1)'),
    address: from(parts, evil),
    zoneinfo,
  })
  const hostile = await idp.client({ client_name: evil('client'), scope: client.scope })
  const { browser, redeem } = await signIn(idp, hostile, { person, parameters: { scope: hostile.scope } })
  const harmless = (t: Test, { text, headers }: Visit, what: string) => {
    t.match(headers.get('content-type'), 'text/html', what)
    const elements = elementsOf(text)
    t.ok(elements.length > 10, what)
    t.same(
      elements.filter(
        ({ name, attributes }) => /^(?:img|script)$/.test(name) && !attributes['src']?.startsWith('/assets/'),
      ),
      [],
      `${what}: none of their elements`,
    )
    const attributes = elements.flatMap((element) => Object.entries(element.attributes))
    t.same(
      attributes.filter(
        ([name, value]) => /^on/i.test(name) || (name !== 'value' && /^(?:javascript|data):/i.test(value)),
      ),
      [],
      `${what}: none of their links and scripts`,
    )
  }
  const decoded = (text: string) =>
    text.replaceAll('&quot;', '"').replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&')

  for (const language of ['en', 'de']) {
    const applications = await browser.get('/account/applications', { 'accept-language': language })
    harmless(t, applications, `the applications (${language})`)
    t.match(decoded(applications.text), evil('client'), 'the name of the application')
    const page = await browser.get('/account', { 'accept-language': language })
    harmless(t, page, `the profile (${language})`)
    const shown = new Map(elementsOf(page.text).map((element) => [element.attributes['id'], element]))
    for (const field of [...texts.filter((name) => name !== 'locale'), 'postal_code', 'locality', 'region', 'country'])
      t.equal(decoded(shown.get(field)?.attributes['value'] ?? ''), evil(field), `${field} is shown exactly`)
    for (const [field, value] of Object.entries({ locale: evil('locale'), zoneinfo })) {
      const list = elementsOf(page.text.slice(shown.get(field)?.end))
      const option = list.find(({ name, attributes }) => name === 'option' && 'selected' in attributes)
      t.equal(decoded(option?.attributes['value'] ?? ''), value, `${field} is chosen in its list`)
    }
    for (const field of ['street_address', 'formatted']) {
      const end = shown.get(field)?.end ?? 0
      const content = page.text.slice(end, page.text.indexOf('</textarea>', end))
      t.equal(decoded(content), evil(field), `${field} is shown exactly`)
    }
  }
  harmless(t, await browser.get('/'), 'the start page')
  const page = await everyAccountPage(browser)
  const typed = (names: string[]) => from(names, (name) => `${evil(name)} typed`)
  harmless(
    t,
    await browser.submit(page, 'profile-save', typed([...texts, ...links, ...parts, 'zoneinfo'])),
    'faulty profile',
  )
  const names = { ...typed(['username', 'email']), 'confirm-password': evil('password') }
  const faulty = await browser.submit(page, 'sign-in-save', names)
  harmless(t, faulty, 'faulty names')
  t.notMatch(decoded(faulty.text), "alert('password')", 'passwords are never sent back')

  const token = (await redeem()).body.access_token as string
  const userinfo = await send(idp, { path: '/userinfo', headers: { authorization: `Bearer ${token}` } })
  t.match(userinfo.headers, { 'content-type': /^application\/json/, 'x-content-type-options': 'nosniff' })
  t.equal(userinfo.json?.['name'], evil('name'), 'an application gets the original text, and must escape it itself')
})

t.test('no response of the account page can be framed, stored or read by another site', async (t) => {
  const person = await idp.person()
  const { browser } = await signIn(idp, client, { person })
  await enter(idp, person)
  const cookie = cookiesOf(browser)
  const page = await everyAccountPage(browser)
  const forms = formsOf(page, person, client.client_id)
  const post = ({ path, values }: Form, more: Record<string, string> = {}, headers = {}) =>
    postForm(idp, path, new URLSearchParams({ ...values, ...more }).toString(), {
      cookie,
      origin: idp.issuer,
      ...headers,
    })
  const { profile, password } = forms as { profile: Form; password: Form }
  const answers: Record<string, Answer> = {
    'the page': await send(idp, { path: '/account', headers: { cookie } }),
    'the page, asked for in a frame': await send(idp, {
      path: '/account',
      headers: { cookie, 'sec-fetch-dest': 'iframe', 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' },
    }),
    'a faulty form': await post(profile, { birthdate: 'x' }),
    'a wrong password': await post(password, { 'current-password': 'wrong' }),
    'a forged form': await post(profile, {}, { origin: 'https://evil.example' }),
    'a form of another encoding': await post(profile, {}, { 'content-type': 'text/plain' }),
    'a redirect': await post(profile),
    'the redirect to the sign-in page': await send(idp, { path: '/account' }),
  }
  await setGuesses(idp, 20)
  answers['too many guesses'] = await post(password)
  t.equal(answers['too many guesses']?.status, 429)
  await clearLimits(idp)
  for (const [name, { headers }] of Object.entries(answers)) {
    t.match(headers['content-security-policy'], "frame-ancestors 'none'", name)
    t.equal(headers['x-frame-options'], 'DENY', name)
    t.equal(headers['cache-control'], 'no-store', name)
    t.notOk(
      Object.keys(headers).some((header) => header.startsWith('access-control-')),
      name,
    )
  }
})
