import t, { type Test } from 'tap'
import { type Idp, startSignet } from '../support/idp.ts'
import { accountsWith } from '../support/invitations.ts'
import { authorizationParameters, pkce } from '../support/journey.ts'

const password = 'quiet lamps over harbours'
const open = await startSignet(t, { SIGNET_SIGN_UP: 'open' })
const [invite, closed] = [
  await open.another({ SIGNET_SIGN_UP: 'invite' }),
  await open.another({ SIGNET_SIGN_UP: 'closed' }),
]
const client = await open.client()

const promptValues = async ({ signet }: Idp) => {
  const response = await fetch(`http://127.0.0.1:${signet.settings.port}/.well-known/openid-configuration`)
  return ((await response.json()) as { prompt_values_supported: string[] }).prompt_values_supported
}
const requestWith = (more: Record<string, string>) =>
  `/authorize?${new URLSearchParams(authorizationParameters(client, pkce(), more))}`
/** Posts an application's request for a new account to a mode, and returns the page that it leads to. */
const create = async (idp: Idp, browser = idp.browser()) =>
  browser.follow(await browser.get(requestWith({ prompt: 'create' })))

t.test('a form of sign-up is accepted only if everybody may create an account', async (t) => {
  const form = { email: 'uninvited@example.com', password }
  t.match(await closed.browser().post('/sign-up', form), { status: 403, text: 'New accounts cannot be created here' })
  const refused = await invite.browser().post('/sign-up', form)
  t.match(refused, { status: 403, text: 'You need an invitation' })
  t.notMatch(refused.text, 'uninvited@example.com')
  const fromSignIn = { from: 'sign-in', username: 'uninvited@example.com', password }
  for (const idp of [closed, invite]) t.equal((await idp.browser().post('/sign-up', fromSignIn)).status, 403)
  t.same(await accountsWith(open, 'uninvited@example.com'), [])
  t.equal((await open.browser().post('/sign-up', form)).status, 303)
  t.match(await accountsWith(open, 'uninvited@example.com'), [{ verified: false, signed_up: true }])
})

t.test('the pages and the metadata offer sign-up only where it is open', async (t) => {
  for (const [idp, isOffered] of [
    [open, true],
    [invite, false],
    [closed, false],
  ] as const) {
    const mode = idp.signet.settings.signUp
    t.equal((await idp.browser().get('/sign-in')).text.includes('id="to-sign-up"'), isOffered, `sign-in, ${mode}`)
    t.equal((await idp.browser().get('/')).text.includes('href="/sign-up"'), isOffered, `home, ${mode}`)
    t.equal((await promptValues(idp)).includes('create'), isOffered, `metadata, ${mode}`)
  }
  t.match(await invite.browser().get('/sign-up'), { status: 200, text: 'You need an invitation' })
  t.equal((await closed.browser().get('/sign-up')).location, `${open.issuer}/sign-in`)
})

/** Signs in on a page and expects to arrive at the application. */
const signsIn = async (t: Test, idp: Idp, page: Awaited<ReturnType<typeof create>>, browser = idp.browser()) => {
  const { username, password } = await open.person()
  let visit = await browser.follow(await browser.submit(page, 'sign-in', { username, password }))
  if (visit.text.includes('id="allow"')) visit = await browser.submit(visit, 'allow', { decision: 'allow' })
  t.match(visit.location, /[?&]code=/)
}

t.test('prompt=create with open sign-up leads to the form', async (t) => {
  const browser = open.browser()
  const page = await create(open, browser)
  t.match(page.text, 'id="sign-up"')
  const consent = await browser.follow(await browser.submit(page, 'sign-up', { email: 'new@example.com', password }))
  t.match((await browser.submit(consent, 'allow', { decision: 'allow' })).location, /[?&]code=/)
})

t.test('prompt=create with closed sign-up leads to the sign-in page', async (t) => {
  const browser = closed.browser()
  const page = await create(closed, browser)
  await signsIn(t, closed, page, browser)
})

t.test('prompt=create with invitations says that one is needed, and leads to sign-in or back', async (t) => {
  const browser = invite.browser()
  const page = await create(invite, browser)
  t.match(page, { status: 200, text: 'You need an invitation' })
  t.notMatch(page.text, 'id="sign-up"')
  const [, cancel = ''] = /<a href="(https:\/\/app\.example[^"]*)">Cancel and go back/.exec(page.text) ?? []
  t.match(cancel, 'error=access_denied')
  const [, signIn = ''] = /id="to-sign-in" href="([^"]*)"/.exec(page.text) ?? []
  t.match(signIn, /^\/sign-in\?continue=[\w-]+$/)
  await signsIn(t, invite, await browser.get(signIn), browser)
})

t.test('sign-up for some domains', async (t) => {
  const idp = await startSignet(t, {
    SIGNET_EMAIL_VERIFICATION: 'required',
    SIGNET_SIGN_UP_DOMAINS: 'example.com,b\u00fccher.example',
  })
  const signUp = (email: string, headers?: Record<string, string>) =>
    idp.browser().post('/sign-up', { email, password, name: 'Ada' }, headers)
  const accounts = async () =>
    (await idp.signet.database.query({ text: 'SELECT count(*)::integer AS n FROM accounts' })).rows[0]?.['n']

  t.test('an address of another domain is refused, and the page says which ones are accepted', async (t) => {
    t.match((await idp.browser().get('/sign-up')).text, 'It must end with @example.com or @bücher.example.')
    for (const email of [
      'ada@example.org',
      'ada@sub.example.com',
      'ada@example.com.evil.example',
      'ada@evil-example.com',
      'ada@\u0435xample.com',
    ]) {
      const page = await signUp(email)
      t.match(page, { status: 422, text: 'This address cannot be used here.' }, email)
      t.match(page.text, 'value="Ada"', 'nothing has to be typed again')
    }
    const german = await signUp('ada@example.org', { 'accept-language': 'de' })
    t.match(german.text, 'Sie muss auf @example.com oder @bücher.example enden.')
    for (const email of ['ada@example.com.', 'ada@evil.example@example.com', 'ada@exam\u200bple.com'])
      t.match(await signUp(email), { status: 422, text: 'This does not look like an e-mail address' }, email)
    t.equal(await accounts(), 0)
  })

  t.test('an allowed address is accepted however it is written', async (t) => {
    for (const email of [
      'ada@EXAMPLE.com',
      'ben+signet@example.com',
      'eva@xn--bcher-kva.example',
      'ina@BÜCHER.example',
    ])
      t.equal((await signUp(email)).status, 303, email)
    t.equal(await accounts(), 4)
  })

  t.test('the fault is the same whether or not an account has the address', async (t) => {
    await idp.person({ email: 'known@example.org' })
    const text = async (email: string) =>
      (await signUp(email)).text.replaceAll(email, '').replaceAll(/(value|data-options)="[^"]*"/g, '')
    t.equal(await text('known@example.org'), await text('unknown@example.org'))
  })
})
