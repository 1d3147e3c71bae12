import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { decodeJwt } from 'jose'
import type { Page } from 'playwright-core'
import t from 'tap'
import { verifiedPerson } from '../support/email-change.ts'
import { type Person, startSignet } from '../support/idp.ts'
import { authorizationParameters, pkce } from '../support/journey.ts'
import { mailsTo } from '../support/mails.ts'
import { oneTimeCode } from '../support/totp.ts'
import { addAuthenticator } from '../support/virtual-authenticator.ts'
import { launchChromium } from './chromium.ts'

const idp = await startSignet(t)
const browser = await launchChromium(t)
const { issuer } = idp

async function typePassword(page: Page, username: string, password: string): Promise<void> {
  await page.fill('#username', username)
  await page.fill('#password', password)
  await page.click('#sign-in')
}

/** Sets an app up on the page that is shown, and keeps the recovery codes. @returns the key of the app */
async function setUpApp(page: Page): Promise<string> {
  await page.waitForSelector('svg.qr')
  const key = (await page.textContent('#totp-key')) ?? ''
  await page.fill('#code', oneTimeCode(key, idp.signet.clock.now()))
  await page.click('#confirm-codes')
  await page.waitForSelector('#codes')
  return key
}

t.test('an application that asks for two factors, and then for a passkey, gets what it asked for', async (t) => {
  let arrived = ''
  const application = createServer((request, response) => {
    if (request.url?.startsWith('/callback')) arrived = `http://${request.headers.host}${request.url}`
    response.setHeader('content-type', 'text/html').end('<!doctype html><title>Application</title>')
  })
  application.listen(0, '127.0.0.1')
  await once(application, 'listening')
  t.teardown(() => application.close())
  const redirectUri = `http://127.0.0.1:${(application.address() as AddressInfo).port}/callback`
  const client = await idp.client({ first_party: true, redirect_uris: [redirectUri] })
  const person = await idp.person()
  const context = await browser.newContext({ locale: 'en', viewport: { width: 390, height: 844 } })
  const page = await context.newPage()
  const authenticator = await addAuthenticator(context, page)
  const ask = async (acr: string) => {
    arrived = ''
    const proof = pkce()
    const query = new URLSearchParams(authorizationParameters(client, proof, { scope: 'openid', acr_values: acr }))
    await page.goto(`${issuer}/authorize?${query}`)
    return async () => {
      await page.waitForURL(`${redirectUri}**`)
      const code = new URL(arrived).searchParams.get('code') ?? ''
      const form = { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: proof.verifier }
      const { acr: reached, amr } = decodeJwt((await idp.token(client, form)).body['id_token'] as string)
      return { acr: reached, amr }
    }
  }

  const first = await ask('aal1')
  await typePassword(page, person.username, person.password)
  await page.click('text=Not now')
  t.same(await first(), { acr: 'aal1', amr: ['pwd'] })

  const second = await ask('aal2')
  await page.waitForURL('**/step-up?**')
  await page.click('#set-up-codes')
  const key = await setUpApp(page)
  await page.click('#codes-saved')
  t.match(await second(), { acr: 'aal2', amr: ['pwd', 'otp', 'mfa'] })

  const third = await ask('phr')
  await page.waitForURL('**/step-up?**')
  await page.click('#set-up-passkey')
  await page.click('#create-passkey')
  t.match(await third(), { acr: 'phr' })

  const again = await ask('aal2')
  t.match(await again(), { acr: 'aal2' }, 'the sign-in is strong enough already')

  await context.clearCookies()
  await authenticator.setAnswering(false)
  await ask('aal1')
  await typePassword(page, person.username, person.password)
  await page.waitForURL('**/second-factor?**')
  await page.fill('#code', oneTimeCode(key, idp.signet.clock.now(), 1))
  await page.click('#confirm')
  await page.waitForURL(`${redirectUri}**`)
  const proven = await ask('phr')
  await page.waitForURL('**/step-up?**')
  await authenticator.setAnswering(true)
  await page.click('#use-passkey')
  t.match(await proven(), { acr: 'phr', amr: ['pwd', 'otp', 'mfa', 'pop', 'user'] }, 'a code is not enough')
  await context.close()
})

t.test(
  'the owner reports a thief who has planted an app, from the mail, and has the account alone again',
  async (t) => {
    const { person } = await verifiedPerson(idp)
    const thief = await (await browser.newContext({ locale: 'en' })).newPage()
    await thief.goto(`${issuer}/account/security/codes/new`)
    await typePassword(thief, person.username, person.password)
    await setUpApp(thief)

    const link = await reportLink(person)
    const context = await browser.newContext({ locale: 'en', javaScriptEnabled: false })
    const page = await context.newPage()
    await page.goto(link)
    await page.fill('#password', 'not the password')
    await page.click('#report')
    await page.waitForSelector('[role=alert]')
    await page.fill('#password', person.password)
    await page.click('#report')
    await page.waitForURL('**/recover/password?**')
    await page.fill('#new-password', 'seven lanterns by the quay')
    await page.click('#set-password')
    await page.waitForURL('**/sign-in?**')
    await thief.goto(`${issuer}/account`)
    await thief.waitForURL('**/sign-in?**')

    await typePassword(page, person.username, 'seven lanterns by the quay')
    await page.goto(`${issuer}/account/security`)
    t.equal(await page.locator('#remove-codes').count(), 0, 'the app of the thief is gone')
    await thief.context().close()
    await context.close()
  },
)

/** The link "This was not me" of the newest mail that has one. */
async function reportLink({ email }: Person): Promise<string> {
  const link = (await mailsTo(idp, email)).map((mail) => mail.link).findLast((one) => one?.includes('/not-me?token='))
  if (link === undefined) throw new Error(`No mail to ${email} has such a link.`)
  return link
}
