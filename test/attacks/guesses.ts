import { createHash } from 'node:crypto'
import type { Browser } from '../support/browser.ts'
import type { Idp, Person } from '../support/idp.ts'
import { withoutChallenges } from '../support/passkeys.ts'
import { type Answer, postForm } from './send.ts'

export interface From {
  /** The browser's cookies; none by default. */
  readonly cookie?: string
  /** The address that a trusted proxy would forward. */
  readonly network?: string
}

/** Posts the sign-in form, as a browser without cookies would, or with those in `cookie`. */
export function tryPassword(idp: Idp, username: string, password: string, from: From = {}): Promise<Answer> {
  return post(idp, '/sign-in', { username, password }, from)
}

/** Posts the sign-up form. */
export function trySignUp(idp: Idp, email: string, password: string, from: From = {}): Promise<Answer> {
  return post(idp, '/sign-up', { email, password }, from)
}

function post(idp: Idp, path: string, form: Record<string, string>, { cookie, network }: From): Promise<Answer> {
  return postForm(idp, path, new URLSearchParams(form).toString(), {
    origin: idp.issuer,
    ...(cookie === undefined ? {} : { cookie }),
    ...(network === undefined ? {} : { 'x-forwarded-for': network }),
  })
}

/** A browser in which a person has signed in. */
export async function knownBrowser(idp: Idp, person: Person): Promise<Browser> {
  const browser = idp.browser()
  const form = { username: person.username, password: person.password }
  const { status } = await browser.submit(await browser.get('/sign-in'), 'sign-in', form)
  if (status !== 303) throw new Error(`The sign-in ended with ${status}.`)
  return browser
}

export const clearLimits = async ({ signet }: Idp) => {
  await signet.database.query('DELETE FROM rate_limits')
  await signet.database.query('DELETE FROM failed_sign_ins')
}

/** Pretends that this many have been counted in all windows of a limit, or in that of one network: hashing that many takes too long. */
export const setCount = ({ signet }: Idp, limit: string, points: number, network?: string) =>
  signet.database.query({
    text: 'UPDATE rate_limits SET points = $2 WHERE key LIKE $1',
    values: [`${limit}:${network === undefined ? '%' : digestOf(network)}`, points],
  })

const digestOf = (part: string) =>
  createHash('sha256')
    .update(JSON.stringify([part]))
    .digest('base64url')

/** Pretends that this many attempts in a row have failed for each account or name with a failure. */
export const setFailures = ({ signet }: Idp, failures: number) =>
  signet.database.query({
    text: 'UPDATE failed_sign_ins SET failures = $1, failed_at = now(), next_at = now()',
    values: [failures],
  })

/** Consecutive failures of all accounts and names that have any, highest first. */
export const failuresOf = async ({ signet }: Idp): Promise<number[]> => {
  const text = 'SELECT failures FROM failed_sign_ins WHERE failures > 0 ORDER BY failures DESC'
  return (await signet.database.query<{ failures: number }>(text)).rows.map(({ failures }) => failures)
}

/** Pretends that every waiting account has this many seconds left. */
export const setWait = ({ signet }: Idp, seconds: number) =>
  signet.database.query({
    text: 'UPDATE failed_sign_ins SET next_at = now() + make_interval(secs => $1) WHERE failures >= 100',
    values: [seconds],
  })

/** How many of the responses are due to a wrong password, or to something that must look like one. */
export const failed = (answers: readonly Answer[]) => answers.filter(({ status }) => status === 403).length

/** A response without the parts that differ between any two responses. */
export function comparable({ status, headers, text, setCookies }: Answer, name: string) {
  const {
    date: _,
    'x-request-id': __,
    'retry-after': ___,
    'set-cookie': ____,
    'content-length': _____,
    ...rest
  } = headers
  return {
    status,
    rest,
    cookies: setCookies.map((line) => line.replace(/=[^;]*/, '')),
    text: withoutChallenges(text)
      .replaceAll(name, '{name}')
      .replace(/name="csrf" value="[^"]*"/g, '')
      .replace(/\d+ (?:minutes?|seconds?)/g, '{time}'),
  }
}
