import { randomBytes } from 'node:crypto'
import t from 'tap'
import type { Browser } from '../support/browser.ts'
import { type Idp, startSignet } from '../support/idp.ts'
import { authorizationParameters, pkce, signIn } from '../support/journey.ts'
import { withoutChallenges } from '../support/passkeys.ts'
import { postForm, send } from './send.ts'

const randomCookie = () => randomBytes(32).toString('base64url')

const shownAs = async (idp: Idp, cookie: string) =>
  /id="sign-out"/.test((await send(idp, { path: '/', headers: { cookie } })).text) ? 'signed in' : 'signed out'

const sessionOf = ({ names, cookies }: Browser) => `${names.session}=${cookies.get(names.session) ?? ''}`

t.test('session fixation', async (t) => {
  const idp = await startSignet(t)
  const person = await idp.person()
  const form = new URLSearchParams({ username: person.username, password: person.password }).toString()
  const signInWith = (cookie: string) => postForm(idp, '/sign-in', form, { origin: idp.issuer, cookie })
  const given = (setCookies: readonly string[]) =>
    /^[^=]+=([^;]*)/.exec(setCookies.find((line) => line.startsWith(`${idp.cookieNames.session}=`)) ?? '')?.[1] ?? ''

  t.test('a value set by the attacker is not adopted', async (t) => {
    const planted = randomCookie()
    const { status, setCookies } = await signInWith(`${idp.cookieNames.session}=${planted}`)
    t.equal(status, 303)
    t.match(given(setCookies), /^[A-Za-z0-9_-]{43}$/, '256 bits')
    t.not(given(setCookies), planted)
    t.equal(await shownAs(idp, `${idp.cookieNames.session}=${planted}`), 'signed out')
    t.equal(await shownAs(idp, `${idp.cookieNames.session}=${given(setCookies)}`), 'signed in')
  })

  t.test("an attacker's own session, set in the victim's browser, is replaced and ended", async (t) => {
    const attacker = await signIn(idp, await idp.client())
    const planted = sessionOf(attacker.browser)
    const { setCookies } = await signInWith(planted)
    t.not(`${idp.cookieNames.session}=${given(setCookies)}`, planted)
    t.equal(await shownAs(idp, planted), 'signed out')
  })

  t.test('every sign-in has its own cookie, and ends the previous one', async (t) => {
    const first = given((await signInWith('')).setCookies)
    const second = given((await signInWith(`${idp.cookieNames.session}=${first}`)).setCookies)
    t.not(first, second)
    t.equal(await shownAs(idp, `${idp.cookieNames.session}=${first}`), 'signed out')
    t.equal(await shownAs(idp, `${idp.cookieNames.session}=${second}`), 'signed in')
  })

  t.test('so does a sign-up', async (t) => {
    const planted = randomCookie()
    const signUp = new URLSearchParams({ email: 'new@example.com', password: 'a long enough phrase' }).toString()
    const { setCookies } = await postForm(idp, '/sign-up', signUp, {
      origin: idp.issuer,
      cookie: `${idp.cookieNames.session}=${planted}`,
    })
    t.match(given(setCookies), /^[A-Za-z0-9_-]{43}$/)
    t.not(given(setCookies), planted)
  })

  t.test('a wrong password signs nobody in, and nobody out', async (t) => {
    const session = given((await signInWith('')).setCookies)
    const wrong = new URLSearchParams({ username: person.username, password: 'wrong' }).toString()
    const answer = await postForm(idp, '/sign-in', wrong, {
      origin: idp.issuer,
      cookie: `${idp.cookieNames.session}=${session}`,
    })
    t.equal(given(answer.setCookies), '')
    t.equal(await shownAs(idp, `${idp.cookieNames.session}=${session}`), 'signed in')
  })

  t.test('a disabled account cannot sign in with the right password, and cannot be recognised', async (t) => {
    const disabled = await idp.person()
    await idp.signet.database.query({
      text: 'UPDATE accounts SET disabled_at = now() WHERE sub = $1',
      values: [disabled.sub],
    })
    const right = new URLSearchParams({ username: disabled.username, password: disabled.password }).toString()
    t.match(await postForm(idp, '/sign-in', right, { origin: idp.issuer }), { status: 403 })
  })

  t.test('cookies that Signet did not make are ignored', async (t) => {
    for (const value of [
      '',
      'x',
      '__proto__',
      'constructor',
      'a'.repeat(43),
      'a'.repeat(8000),
      '%00',
      '"quoted"',
      'é',
      "' OR 1=1 --",
    ]) {
      const answer = await send(idp, {
        path: '/',
        headers: {
          cookie: Buffer.from(`${idp.cookieNames.session}=${value}; ${idp.cookieNames.browser}=${value}`).toString(
            'latin1',
          ),
        },
      })
      t.equal(answer.status, 200, value.slice(0, 20))
      t.notMatch(answer.text, 'id="sign-out"')
    }
  })
})

t.test('a session ends', async (t) => {
  const idp = await startSignet(t)
  const client = await idp.client()
  const endings: Record<string, string> = {
    'when it expires': 'UPDATE sessions SET expires_at = now()',
    'when it has been idle for too long': "UPDATE sessions SET used_at = now() - interval '8 days'",
    'when it is ended': 'UPDATE sessions SET ended_at = now()',
    'when its account is disabled': 'UPDATE accounts SET disabled_at = now()',
    'when its account is deleted': 'UPDATE accounts SET deleted_at = now()',
  }
  for (const [name, text] of Object.entries(endings))
    t.test(name, async (t) => {
      const { browser } = await signIn(idp, client)
      const cookie = sessionOf(browser)
      t.equal(await shownAs(idp, cookie), 'signed in')
      await idp.signet.database.query({ text })
      t.equal(await shownAs(idp, cookie), 'signed out')
      const parameters = authorizationParameters(client, pkce(), { prompt: 'none' })
      const { location } = await send(idp, {
        path: `/authorize?${new URLSearchParams(parameters)}`,
        headers: { cookie },
      })
      t.equal(new URL(location ?? '').searchParams.get('error'), 'login_required')
    })

  t.test('by signing out: the old cookie is useless, in this browser or another', async (t) => {
    const { browser } = await signIn(idp, client)
    const cookie = sessionOf(browser)
    await browser.submit(await browser.get('/logout'), 'confirm-logout')
    t.notOk(browser.cookies.has(browser.names.session))
    t.equal(await shownAs(idp, cookie), 'signed out')
  })
})

t.test('whatever was to end with the session ends with the session that replaced it', async (t) => {
  const idp = await startSignet(t)
  const client = await idp.client()
  const online = { scope: 'openid' }
  const userinfo = async (token: string) =>
    (await send(idp, { path: '/userinfo', headers: { authorization: `Bearer ${token}` } })).status

  t.test('signed in again as the same person, and then signed out', async (t) => {
    const { browser, person, redeem } = await signIn(idp, client, { parameters: online })
    const { access_token: token, id_token: idToken } = (await redeem()).body
    const sidOf = (jwt: string) => JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString()).sid
    const sessions = () => idp.signet.database.query('SELECT FROM sessions')
    const before = (await sessions()).rowCount
    const cookie = sessionOf(browser)
    const again = await signIn(idp, client, { browser, person, parameters: { ...online, prompt: 'login' } })
    t.equal(await userinfo(token), 200, 'signing in again ends nothing')
    t.equal(await shownAs(idp, cookie), 'signed out', 'but the old cookie is useless')
    t.equal((await sessions()).rowCount, before, 'it is the same session, and keeps what depends on it')
    t.equal(sidOf((await again.redeem()).body.id_token), sidOf(idToken), 'and applications see it as the same')
    await browser.submit(await browser.get('/logout'), 'confirm-logout')
    t.equal(await userinfo(token), 401)
  })

  t.test('signed in as somebody else', async (t) => {
    const { browser, redeem } = await signIn(idp, client, { parameters: online })
    const { access_token: token } = (await redeem()).body
    const offline = await signIn(idp, client)
    const { access_token: offlineToken } = (await offline.redeem()).body
    for (const signedIn of [browser, offline.browser]) {
      const other = await idp.person()
      await signedIn.submit(await signedIn.get('/sign-in'), 'sign-in', {
        username: other.username,
        password: other.password,
      })
    }
    t.equal(await userinfo(token), 401)
    t.equal(await userinfo(offlineToken), 200, 'offline access outlasts the session')
  })
})

t.test('whether somebody has an account here', async (t) => {
  const idp = await startSignet(t)
  const person = await idp.person({ username: 'person.aaaaaaaaaa' })
  const disabled = await idp.person({ username: 'person.dddddddddd' })
  await idp.signet.database.query({
    text: 'UPDATE accounts SET disabled_at = now() WHERE sub = $1',
    values: [disabled.sub],
  })

  /** The parts that differ between any two responses. */
  const comparable = (text: string, name: string) =>
    withoutChallenges(text)
      .replaceAll(name, '{name}')
      .replace(/name="csrf" value="[^"]*"/g, '')
      .replace(/<code>[^<]*<\/code>/g, '')
  const answerTo = async (username: string, password: string) => {
    const form = new URLSearchParams({ username, password }).toString()
    const cookie = `${idp.cookieNames.browser}=${randomCookie()}`
    const { status, text, headers } = await postForm(idp, '/sign-in', form, { origin: idp.issuer, cookie })
    const { date: _, 'x-request-id': id, ...rest } = headers
    t.ok(id)
    return { status, text: comparable(text, username), rest: { ...rest, 'content-length': '' } }
  }

  t.test('is not revealed by the sign-in page, byte for byte', async (t) => {
    const known = await answerTo(person.username, 'wrong password')
    t.match(known, { status: 403 })
    t.same(await answerTo('person.bbbbbbbbbb', 'wrong password'), known, 'an unknown user name')
    t.same(await answerTo(person.email, 'wrong password'), known, 'a known address')
    t.same(await answerTo('unknown@example.com', 'wrong password'), known, 'an unknown address')
    t.same(await answerTo(disabled.username, disabled.password), known, 'a disabled account, with the right password')
    t.same(await answerTo('__proto__', 'wrong password'), known, 'a built-in property name')
    t.same(await answerTo(person.sub, 'wrong password'), known, 'a sub is not a name to sign in with')
  })

  t.test('nor by the number of attempts', async (t) => {
    const statuses = async (spellings: readonly string[]) => {
      await idp.signet.database.query({ text: 'DELETE FROM rate_limits' })
      const answers: number[] = []
      for (let guess = 0; guess < 12; guess++) {
        const { status, text } = await answerTo(spellings[guess % spellings.length] ?? '', 'wrong password')
        answers.push(status, text.length)
      }
      return answers
    }
    const known = await statuses([person.username])
    t.equal(known.at(-2), 429)
    t.same(await statuses(['person.bbbbbbbbbb']), known)
    await idp.person({ username: 'iii.iii' })
    const spelled = async (name: string) =>
      (await statuses([name, name.replace('i', 'İ'), name.toUpperCase()])).filter((_, index) => index % 2 === 0)
    t.same(await spelled('iii.iii'), await spelled('jii.iii'), 'nor by which spellings share them')
  })

  t.test('nor by the sign-up page', async (t) => {
    const signUp = async (email: string) => {
      const form = new URLSearchParams({ email, password: 'a long enough phrase' }).toString()
      const { status, text, location, setCookies } = await postForm(idp, '/sign-up', form, { origin: idp.issuer })
      return { status, text, location, cookies: setCookies.map((line) => line.replace(/=[^;]*/, '')) }
    }
    t.same(await signUp(person.email), await signUp('nobody@example.com'))
    await idp.signet.database.query({
      text: 'UPDATE account_emails SET verified_at = now() WHERE sub = $1',
      values: [person.sub],
    })
    t.same(
      await signUp(person.email),
      await signUp('nobody.else@example.com'),
      'even if somebody has verified the address',
    )
  })

  t.test('nor by an authorization request with a hint', async (t) => {
    const client = await idp.client()
    const page = async (hint: string) => {
      const parameters = authorizationParameters(client, pkce(), { login_hint: hint })
      const browser = idp.browser()
      const { text } = await browser.follow(await browser.get(`/authorize?${new URLSearchParams(parameters)}`))
      return comparable(text, hint).replace(
        /continue=[^"]*|name="continue" value="[^"]*"|state=[0-9a-f]*|request_id%3D[\w-]*/g,
        '',
      )
    }
    t.equal(await page(person.email), await page('unknown@example.com'))
  })
})
