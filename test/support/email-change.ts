import { randomBytes } from 'node:crypto'
import { setEmailVerified } from '../../src/records/accounts/accounts-store.ts'
import { enter } from '../attacks/account-forms.ts'
import type { Browser, Visit } from './browser.ts'
import type { Idp, Person } from './idp.ts'
import { newestMailTo } from './mails.ts'

export const newAddress = () => `${randomBytes(6).toString('hex')}@example.org`

/** Somebody whose address is verified, and a browser in which they are signed in. */
export async function verifiedPerson(
  idp: Idp,
  profile: Parameters<Idp['person']>[0] = {},
): Promise<{ person: Person; browser: Browser }> {
  const person = await idp.person(profile)
  await setEmailVerified(idp.signet.database, person.sub)
  return { person, browser: await enter(idp, person) }
}

/** Saves another address on the account page. */
export async function saveAddress(
  browser: Browser,
  person: Pick<Person, 'password'>,
  email: string,
  values: Record<string, string> = {},
): Promise<Visit> {
  const form = { email, 'confirm-password': person.password, ...values }
  return browser.submit(await browser.get('/account/sign-in'), 'sign-in-save', form)
}

/** Changes the address of an account and confirms the new one in the same browser. Returns the path of the link to undo it. */
export async function changeAddress(idp: Idp, browser: Browser, person: Person, email: string): Promise<string> {
  const before = (await addressOf(idp, person))?.email ?? ''
  const waiting = await browser.follow(await saveAddress(browser, person, email))
  const { code = '' } = await newestMailTo(idp, email)
  const confirmed = await browser.submit(waiting, 'code', { code })
  if ((await addressOf(idp, person))?.email !== email)
    throw new Error(`The address was not changed: ${confirmed.status} ${confirmed.location}`)
  return undoLinkTo(idp, before)
}

/** The path of the link in the newest mail to an address. */
export async function undoLinkTo(idp: Idp, email: string): Promise<string> {
  const { link, text } = await newestMailTo(idp, email)
  if (!link?.includes('/undo-email-change?token='))
    throw new Error(`The mail to ${email} has no link to undo:\n${text}`)
  return link.slice(idp.issuer.length)
}

/** Opens the link to undo a change and sends its form, in a browser of its own by default. */
export async function undoWith(
  idp: Idp,
  path: string,
  password: string,
  browser: Browser = idp.browser(),
): Promise<Visit> {
  return browser.submit(await browser.get(path), 'undo', { password })
}

/** The address of an account and whether it is verified. */
export async function addressOf(
  { signet }: Idp,
  { sub }: Pick<Person, 'sub'>,
): Promise<{ email: string; verified: boolean } | undefined> {
  const { rows } = await signet.database.query<{ email: string; verified: boolean }>({
    text: 'SELECT email, verified_at IS NOT NULL AS verified FROM account_emails WHERE sub = $1',
    values: [sub],
  })
  return rows[0]
}

/** Whether a name and a password sign somebody in, in a new browser. */
export async function signsIn(idp: Idp, username: string, password: string): Promise<boolean> {
  const browser = idp.browser()
  return (await browser.submit(await browser.get('/sign-in'), 'sign-in', { username, password })).status === 303
}

/** The events about an account of these types, in order. */
export async function eventsOf(
  { signet }: Idp,
  { sub }: Pick<Person, 'sub'>,
  types: readonly string[],
): Promise<{ type: string; detail: Record<string, unknown> }[]> {
  const { rows } = await signet.database.query<{ type: string; detail: Record<string, unknown> }>({
    text: 'SELECT type, detail FROM events WHERE sub = $1 AND type = ANY ($2) ORDER BY id',
    values: [sub, types],
  })
  return rows
}
