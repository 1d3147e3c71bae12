import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { BrowserContext, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { en } from '../../src/html/messages/en.ts'
import { listPasskeys, removePasskey } from '../../src/records/accounts/passkeys-store.ts'
import { freePort, type Person, startSignet } from '../support/idp.ts'
import { authorizationParameters, pkce } from '../support/journey.ts'
import { addAuthenticator, type VirtualAuthenticator, withoutSuggestions } from '../support/virtual-authenticator.ts'
import { launchChromium } from './chromium.ts'
import { focusOn } from './show-page.ts'

const idp = await startSignet(t)
const { database } = idp.signet
const browser = await launchChromium(t)

/** The redirect URI of an application, which says nothing. */
const callback = await (async () => {
  const app = createServer((_request, response) => response.end('Signed in.'))
  await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve))
  t.teardown(() => app.close())
  return `http://localhost:${(app.address() as AddressInfo).port}/callback`
})()

interface Journey {
  readonly page: Page
  readonly context: BrowserContext
  readonly authenticator: VirtualAuthenticator
}

/** A test in a new context, with an authenticator that answers only when it is told to. */
function journey(
  name: string,
  run: (t: Test, journey: Journey) => Promise<void>,
  complaints: readonly RegExp[] = [],
): void {
  t.test(name, async (t) => {
    const context = await browser.newContext({ locale: 'en' })
    const page = await context.newPage()
    const heard: string[] = []
    page.on('console', (message) => message.type() === 'error' && heard.push(message.text()))
    page.on('pageerror', (error) => heard.push(error.message))
    const authenticator = await addAuthenticator(context, page, { isAnswering: false })
    await run(t, { page, context, authenticator })
    t.match(heard, complaints, 'what the browser complained about')
    t.equal(heard.length, complaints.length)
    await context.close()
  })
}

async function enterPassword(page: Page, { username, password }: Person): Promise<void> {
  await page.fill('#username', username)
  await page.fill('#password', password)
  await page.click('#sign-in')
}

/** Creates a passkey on the page with the offer. */
async function acceptOffer({ page, authenticator }: Journey): Promise<void> {
  await page.waitForURL(`${idp.issuer}/passkey-offer**`)
  await authenticator.setAnswering(true)
  await page.click('#create-passkey')
  await page.locator('#codes').waitFor()
  await authenticator.setAnswering(false)
  await page.click('#codes-saved')
}

/** Signs in with the password and creates a passkey, then signs out. */
async function withPasskey(of: Journey): Promise<Person> {
  const person = await idp.person()
  await of.page.goto(`${idp.issuer}/sign-in`)
  await enterPassword(of.page, person)
  await acceptOffer(of)
  await of.page.waitForURL(`${idp.issuer}/`)
  await of.page.click('#sign-out')
  await of.page.waitForURL((url) => url.pathname !== '/')
  return person
}

journey('a passkey is created on the offer, and then signs in by the button, for an application', async (t, of) => {
  const { page, authenticator } = of
  const client = await idp.client({ redirect_uris: [callback] })
  const person = await idp.person()
  const start = (more: Record<string, string> = {}) =>
    page.goto(`${idp.issuer}/authorize?${new URLSearchParams(authorizationParameters(client, pkce(), more))}`)

  await start({ state: 'kept' })
  await enterPassword(page, person)
  await acceptOffer(of)
  await page.click('#allow')
  await page.waitForURL(`${callback}?**`)
  t.match(new URL(page.url()).searchParams.get('state'), 'kept', 'the request goes on after the offer')
  t.equal(await authenticator.count(), 1)
  t.match(await listPasskeys(database, person.sub), [{ name: 'Chrome on Linux', transports: ['internal'] }])

  await start({ acr_values: 'phr', state: 'strong' })
  await page.waitForURL(`${callback}?**state=strong**`)

  await withoutSuggestions(page)
  await start({ prompt: 'login' })
  await focusOn(page, 'username')
  await authenticator.setAnswering(true)
  await page.click('#use-passkey')
  await page.waitForURL(`${callback}?**`)
  t.match(await listPasskeys(database, person.sub), [{ usedAt: Date }])
})

journey('the browser suggests a passkey in the field for the user name', async (t, of) => {
  const { page, authenticator } = of
  const person = await withPasskey(of)
  // From now on the browser behaves as if somebody chose the first suggestion.
  await authenticator.setAnswering(true)
  await page.goto(`${idp.issuer}/sign-in`)
  await page.waitForURL(`${idp.issuer}/`)
  t.match(await page.textContent('main'), person.username)
})

journey(
  'a passkey that was deleted here is refused, and the password still signs in',
  async (t, of) => {
    const { page, authenticator } = of
    const person = await withPasskey(of)
    const [{ id } = { id: 0 }] = await listPasskeys(database, person.sub)
    await removePasskey(database, person.sub, id)
    await withoutSuggestions(page)
    await page.goto(`${idp.issuer}/sign-in`)
    await focusOn(page, 'username')
    // The page that follows suggests the passkey again.
    await page.route('**/sign-in/passkey', async (route) => {
      await authenticator.setAnswering(false)
      await route.continue()
    })
    await authenticator.setAnswering(true)
    await page.click('#use-passkey')
    await page.waitForURL(`${idp.issuer}/sign-in/passkey`)
    t.match(await page.textContent('#fault'), en.faults.passkey_refused)
    await enterPassword(page, person)
    await page.waitForURL(`${idp.issuer}/`)
  },
  [/status of 403/],
)

journey('without user verification the browser gives no answer, and the page says so', async (_t, of) => {
  const { page, authenticator } = of
  const person = await withPasskey(of)
  await authenticator.setUserVerified(false)
  await withoutSuggestions(page)
  await page.goto(`${idp.issuer}/sign-in`)
  await authenticator.setAnswering(true)
  await page.click('#use-passkey')
  await page.getByText(en.passkeys.cancelled).waitFor()
  await page.waitForURL((url) => !url.pathname.startsWith('/passkey-offer'))
  await authenticator.setAnswering(false)
  await enterPassword(page, person)
  await page.waitForURL(`${idp.issuer}/`)
})

journey('somebody who does not want a passkey goes on, and is not asked again', async (t, { page }) => {
  const person = await idp.person()
  await page.goto(`${idp.issuer}/account`)
  await enterPassword(page, person)
  await page.click('#not-now')
  await page.waitForURL(`${idp.issuer}/account`)
  await page.goto(`${idp.issuer}/sign-in`)
  await enterPassword(page, person)
  await page.waitForURL(`${idp.issuer}/`)
  t.same(await listPasskeys(database, person.sub), [])
})

journey('a browser that cannot create passkeys is not offered one', async (t, { page, authenticator }) => {
  await authenticator.remove()
  await page.goto(`${idp.issuer}/account`)
  await enterPassword(page, await idp.person())
  await page.waitForURL(`${idp.issuer}/account`)
  t.pass('it goes straight on')
})

t.test('without JavaScript, and without WebAuthn, there is no button and the page says why', async (t) => {
  const plain = await browser.newContext({ javaScriptEnabled: false, locale: 'en' })
  const page = await plain.newPage()
  await page.goto(`${idp.issuer}/sign-in`)
  t.match(await page.textContent('.passkey noscript'), en.passkeys.needScript)
  t.ok(await page.isVisible('.passkey noscript'))
  t.notOk(await page.isVisible('#use-passkey'))
  await enterPassword(page, await idp.person())
  await page.waitForURL(`${idp.issuer}/`)
  await plain.close()

  const old = await browser.newContext({ locale: 'en' })
  await old.addInitScript(() => Object.assign(globalThis, { PublicKeyCredential: undefined }))
  const other = await old.newPage()
  await other.goto(`${idp.issuer}/sign-in`)
  await other.getByText(en.passkeys.unsupported).waitFor()
  t.notOk(await other.isVisible('#use-passkey'))
  await enterPassword(other, await idp.person())
  await other.waitForURL(`${idp.issuer}/`)
  await old.close()
})

t.test('an issuer on an IP address says nothing about passkeys', async (t) => {
  const { issuer, browser } = await startSignet(t, { SIGNET_ISSUER: `http://127.0.0.1:${await freePort()}` })
  t.notMatch((await browser().get(`${issuer}/sign-in`)).text, /passkey|webauthn/i)
})

/** The options that a page has for its passkey button, which the test changes as an attacker would. */
const optionsOn = async (page: Page) =>
  JSON.parse((await page.getAttribute('[data-passkey=get]', 'data-options')) ?? '{}') as Record<string, unknown>

/** Asks the authenticator on the page that is open, whatever its origin. @returns the answer, or the name of the error */
async function answerHere({ page, authenticator }: Journey, options: Record<string, unknown>): Promise<string> {
  // Our own pages have the script, and their policy allows no other.
  if (!page.url().startsWith(idp.issuer))
    await page.addScriptTag({ path: 'node_modules/@simplewebauthn/browser/dist/bundle/index.umd.min.js' })
  await authenticator.setAnswering(true)
  const answer = await page.evaluate(
    async (optionsJSON) =>
      // biome-ignore lint/suspicious/noExplicitAny: the global of the script
      (globalThis as any).SimpleWebAuthnBrowser.startAuthentication({ optionsJSON }).then(
        JSON.stringify,
        (error: Error) => error.name,
      ),
    options,
  )
  await authenticator.setAnswering(false)
  return answer
}

/** Puts an answer into the form of the page that is open, and sends it. */
async function sendAnswer(page: Page, answer: string): Promise<void> {
  await page
    .locator('input[name=credential]')
    .first()
    .evaluate((field, value) => {
      if (!(field instanceof HTMLInputElement)) return
      field.value = value
      field.form?.submit()
    }, answer)
  await page.waitForSelector('#fault, [role=alert]')
}

journey(
  'an answer that a page of another origin got, one for another RP ID, and one that was used are refused',
  async (t, of) => {
    const { page } = of
    await withPasskey(of)
    const signInPage = async () => {
      await page.goto(`${idp.issuer}/sign-in`)
      await focusOn(page, 'username')
      return optionsOn(page)
    }

    // Another port of the same host has the same RP ID, so the browser lets it use the passkey.
    const options = await signInPage()
    await page.goto(callback)
    const stolen = await answerHere(of, options)
    t.match(stolen, '"authenticatorData"')
    await signInPage()
    await sendAnswer(page, stolen)
    t.match(await page.textContent('#fault'), en.faults.passkey_refused)

    // A host below ours, and our own page for another RP: the browser itself refuses.
    await page.goto(callback.replace('localhost', 'app.localhost'))
    t.notMatch(await answerHere(of, options), '"authenticatorData"')
    const ours = await signInPage()
    t.equal(await answerHere(of, { ...ours, rpId: 'example.com' }), 'SecurityError')

    const used = await answerHere(of, await optionsOn(page))
    await page
      .locator('input[name=credential]')
      .first()
      .evaluate((field, value) => {
        if (!(field instanceof HTMLInputElement)) return
        field.value = value
        field.form?.submit()
      }, used)
    await page.waitForURL(`${idp.issuer}/`)
    await page.click('#sign-out')
    await page.waitForURL((url) => url.pathname !== '/')
    await signInPage()
    await sendAnswer(page, used)
    t.match(await page.textContent('#fault'), en.faults.passkey_refused, 'the challenge has been answered')
  },
  [/status of 403/, /status of 403/],
)

journey(
  'the passkey of another account does not confirm who somebody is',
  async (t, of) => {
    const { page } = of
    const [person, other] = [await withPasskey(of), await withPasskey(of)]
    await page.goto(`${idp.issuer}/sign-in`)
    await enterPassword(page, person)
    await page.waitForURL(`${idp.issuer}/`)
    await page.goto(`${idp.issuer}/account/security/passkeys/new`)
    await page.waitForURL('**/step-up?**')
    const [{ credentialId } = { credentialId: Buffer.of() }] = await listPasskeys(database, other.sub)
    const allowCredentials = [{ type: 'public-key', id: credentialId.toString('base64url') }]
    const answer = await answerHere(of, { ...(await optionsOn(page)), allowCredentials })
    t.match(answer, '"authenticatorData"')
    await sendAnswer(page, answer)
    t.match(new URL(page.url()).pathname, '/step-up')
    await of.authenticator.setAnswering(true)
    await page.click('#use-passkey')
    await page.waitForURL('**/account/security/passkeys/new**')
  },
  [/status of 403/],
)
