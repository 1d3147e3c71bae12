import { randomBytes } from 'node:crypto'
import type { Browser, Visit } from './browser.ts'
import type { Idp, TestClient } from './idp.ts'
import { authorizationParameters, pkce } from './journey.ts'
import { newestMailTo } from './mails.ts'

/** Somebody who has signed up, and the browser in which they did. */
export interface SignedUp {
  readonly browser: Browser
  readonly email: string
  readonly password: string
  /** The page that followed. */
  readonly page: Visit
}

export const newEmail = () => `${randomBytes(6).toString('hex')}@example.com`

/** Signs up in a browser, for an application if there is one, and follows the redirects. */
export async function signUp(
  idp: Idp,
  {
    browser = idp.browser(),
    email = newEmail(),
    password = randomBytes(12).toString('hex'),
    client,
    parameters,
  }: {
    readonly browser?: Browser
    readonly email?: string
    readonly password?: string
    readonly client?: TestClient
    readonly parameters?: Record<string, string>
  } = {},
): Promise<SignedUp> {
  const query = client && authorizationParameters(client, pkce(), { prompt: 'create', ...parameters })
  const form = await browser.follow(await browser.get(query ? `/authorize?${new URLSearchParams(query)}` : '/sign-up'))
  const page = await browser.follow(await browser.submit(form, 'email', { email, password }))
  return { browser, email, password, page }
}

/** Signs in to the account of a name in a browser, and follows the redirects. */
export async function signInWith(browser: Browser, username: string, password: string): Promise<Visit> {
  return browser.follow(await browser.submit(await browser.get('/sign-in'), 'username', { username, password }))
}

/** The link of the newest mail to an address, as a path. */
export async function linkTo(idp: Idp, email: string): Promise<string> {
  const { link } = await newestMailTo(idp, email)
  if (link === undefined) throw new Error(`The mail to ${email} has no link.`)
  return link.slice(idp.issuer.length)
}

/** The code of the newest mail to an address. */
export async function codeTo(idp: Idp, email: string): Promise<string> {
  const { code } = await newestMailTo(idp, email)
  if (code === undefined) throw new Error(`The mail to ${email} has no code.`)
  return code
}

/** Another code than the right one. */
export const wrongCode = (code: string) => (code === '000000' ? '000001' : '000000')

/** Whether an account has verified its address, and the address. */
export async function addressOf(idp: Idp, sub: string): Promise<{ email: string; verified: boolean } | undefined> {
  const { rows } = await idp.signet.database.query<{ email: string; verified: boolean }>({
    text: 'SELECT email, verified_at IS NOT NULL AS verified FROM account_emails WHERE sub = $1',
    values: [sub],
  })
  return rows[0]
}

/** The `sub` of the account that signed up last with an address, even if it does not have it any more. */
export async function subOf(idp: Idp, email: string): Promise<string> {
  const { rows } = await idp.signet.database.query<{ sub: string }>({
    text: 'SELECT sub FROM account_emails WHERE lower(email) = lower($1) ORDER BY created_at DESC LIMIT 1',
    values: [email],
  })
  if (!rows[0]) throw new Error(`No account has ${email}.`)
  return rows[0].sub
}
