import type { Browser, Visit } from '../support/browser.ts'
import type { Idp, Person } from '../support/idp.ts'
import type { Answer } from './send.ts'

/** Everything of a person that the account page can change, as text. */
export async function stateOf({ signet }: Idp, { sub }: Person): Promise<string> {
  const query = async (text: string) => (await signet.database.query({ text, values: [sub] })).rows
  const tables = ['accounts', 'account_emails', 'email_verifications', 'account_credentials', 'consents', 'grants']
  const rows = await Promise.all(tables.map((table) => query(`SELECT * FROM ${table} WHERE sub = $1 ORDER BY 1`)))
  return JSON.stringify([rows, await query('SELECT id, digest, ended_at FROM sessions WHERE sub = $1 ORDER BY id')])
}

/** Signs in on the sign-in page. */
export async function enter(idp: Idp, person: Person): Promise<Browser> {
  const browser = idp.browser()
  const form = { username: person.username, password: person.password }
  const visit = await browser.submit(await browser.get('/sign-in'), 'sign-in', form)
  if (visit.status !== 303) throw new Error(`${person.username} cannot sign in: ${visit.status}`)
  return browser
}

export { clearLimits } from './guesses.ts'

/** Pretends that this many guesses have been checked: hashing that many takes too long. */
export const setGuesses = ({ signet }: Idp, guesses: number) =>
  signet.database.query({ text: 'UPDATE rate_limits SET points = $1', values: [guesses] })

export const cookiesOf = (browser: Browser) =>
  [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')

/** The hidden fields of a form, found by the id of its button. */
export function hiddenOf(page: Pick<Visit, 'text'>, id: string): Record<string, string> {
  const forms = page.text.match(/<form\b[^>]*>[\s\S]*?<\/form>/g) ?? []
  const html = forms.find((form) => form.includes(`id="${id}"`))
  if (!html) throw new Error(`The page has no #${id}.`)
  return Object.fromEntries(
    [...html.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)].map(([, name, value]) => [name, value]),
  )
}

export interface Form {
  readonly path: string
  /** All fields that it needs to work. */
  readonly values: Record<string, string>
}

export const newPassword = 'quiet lamps over harbours'

/**
 * Every form of the page, filled in correctly: each has an effect if the person sends it.
 *
 * @param clientId an application that is on the page
 */
export function formsOf(page: Visit, person: Person, clientId: string): Record<string, Form> {
  const form = (id: string, path: string, values: Record<string, string> = {}) => ({
    path: `/account/${path}`,
    values: { ...hiddenOf(page, id), ...values },
  })
  return {
    profile: form('profile-save', 'profile', { name: 'Changed' }),
    'sign-in names': form('sign-in-save', 'sign-in', {
      username: `${person.username}.x`,
      'confirm-password': person.password,
    }),
    password: form('password-change', 'password', { 'current-password': person.password, 'new-password': newPassword }),
    'a session': form('end-session-2', 'sessions/end'),
    'all other sessions': form('end-other-sessions', 'sessions/end'),
    'an application': form(`disconnect-${clientId}`, 'applications/disconnect'),
  }
}

/** The redirect's target, or the status of the page. */
export const outcomeOf = ({ status, location }: Pick<Answer, 'status' | 'location'>) =>
  location === undefined ? String(status) : new URL(location, 'http://localhost').pathname
