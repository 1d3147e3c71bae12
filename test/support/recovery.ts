import { setEmailVerified } from '../../src/records/accounts/accounts-store.ts'
import type { Browser, Visit } from './browser.ts'
import type { Idp, Person } from './idp.ts'
import { newestMailTo } from './mails.ts'

/** A person whose address is verified. */
export async function verifiedPerson(idp: Idp, profile: Parameters<Idp['person']>[0] = {}): Promise<Person> {
  const person = await idp.person(profile)
  const verified = await setEmailVerified(idp.signet.database, person.sub)
  if (verified !== 'done') throw new Error(`The test's address could not be verified: ${verified}`)
  return person
}

/** Asks for a link to set a new password. */
export async function askForLink(browser: Browser, name: string): Promise<Visit> {
  return browser.submit(await browser.get('/recover'), 'recover', { username: name })
}

/** Asks for a link, and returns what the mail brings, as a path. */
export async function mailedLink(idp: Idp, person: Person): Promise<string> {
  const sent = await askForLink(idp.browser(), person.email)
  if (sent.status !== 200) throw new Error(`No link was sent: ${sent.status}\n${sent.text}`)
  const { link } = await newestMailTo(idp, person.email)
  if (!link) throw new Error('The mail has no link.')
  return link.slice(idp.issuer.length)
}

export const newPassword = 'quiet lamps over harbours'

/** Opens a link and sets a new password. */
export async function setPassword(browser: Browser, link: string, values: Record<string, string> = {}): Promise<Visit> {
  return browser.submit(await browser.get(link), 'set-password', { 'new-password': newPassword, ...values })
}
