import { createHash } from 'node:crypto'
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { createBrowser, formsOf, withoutQuery } from './browser.js'
import { freePort } from './built.js'
import { signInWithChromium } from './chromium.js'
import { answers, before, OutOfTime, runProgram, startProgram } from './commands.js'
import { withoutSignet } from './signet.js'

/** @typedef {import('./trials.js').Trial} Trial */
/** @typedef {import('./signet.js').Person} Person */
/** @typedef {Awaited<ReturnType<typeof import('./signet.js').startSignet>>} Signet */

/**
 * The results by step: "yes", or what went wrong.
 *
 * @typedef {Record<string, string>} Steps
 */

/** Something that the application needs cannot be downloaded or built here. It says nothing about the client. */
export class NotInstalled extends Error {}

/** Milliseconds for one step of a trial, the start of the application included. */
const stepTimeout = 90_000

/**
 * Installs the application of a trial, starts it, and walks through its steps.
 *
 * @param {Trial} trial
 * @param {Signet} signet
 * @param {{ cache: string, deadline: number }} options `deadline` in milliseconds of Date.now()
 * @returns {Promise<Steps>}
 * @throws {OutOfTime} if there is no time left
 * @throws {NotInstalled} if the application cannot be installed here
 */
export async function runTrial(trial, signet, { cache, deadline }) {
  const cwd = join(cache, trial.language, trial.name)
  await mkdir(cwd, { recursive: true })
  // A copy, so that whatever it installs or builds is not in the repository and is still there the next time.
  await cp(trial.folder, cwd, { recursive: true })
  await install(trial, { cwd, cache, deadline })

  const port = await freePort()
  const origin = `http://localhost:${port}`
  const person = await signet.person(trial)
  const { clientId, clientSecret, configuration, caller, audience } = await signet.register(trial, origin)
  const variables = {
    ISSUER: signet.issuer,
    CLIENT_ID: clientId,
    ...(clientSecret && { CLIENT_SECRET: clientSecret }),
    ...(audience && { AUDIENCE: audience }),
    ...(configuration && { CONFIGURATION: JSON.stringify(configuration) }),
    PORT: String(port),
    BASE_URL: origin,
    CACHE: cache,
  }
  const env = { ...withoutSignet(process.env), ...variables, ...withVariables(trial.env ?? {}, variables) }
  const application = startProgram(
    trial.start.map((word) => replaceVariables(word, variables)),
    { cwd, env },
  )
  const limit = () => Math.min(deadline, Date.now() + stepTimeout)
  try {
    await before(limit(), answers(`http://127.0.0.1:${port}/`, application), `the start of ${trial.title}`)
    const subject = { trial, origin, person, signet, ...caller, audience }
    const steps = trial.chromium ? signInWithChromium(subject) : trial.api ? callApi(subject) : signIn(subject)
    return await collect(trial, steps, limit, () => application.output())
  } finally {
    await application.stop()
  }
}

/**
 * Runs the commands that install the application, unless they have run for the same files.
 *
 * @param {Trial} trial
 * @param {{ cwd: string, cache: string, deadline: number }} options
 */
async function install(trial, { cwd, cache, deadline }) {
  if (!trial.install) return
  const hash = createHash('sha256')
  const files = await readdir(trial.folder, { recursive: true, withFileTypes: true })
  for (const file of files
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .sort())
    hash.update(relative(trial.folder, file)).update(await readFile(file))
  const [stamp, current] = [join(cwd, '.installed'), hash.digest('hex')]
  if ((await readFile(stamp, 'utf8').catch(() => '')) === current) return
  for (const command of trial.install)
    try {
      await runProgram(command, { cwd, env: { ...withoutSignet(process.env), CACHE: cache }, deadline })
    } catch (error) {
      if (error instanceof OutOfTime) throw error
      throw new NotInstalled(/** @type {Error} */ (error).message)
    }
  await writeFile(stamp, current)
}

/**
 * @typedef {object} Subject
 * @property {Trial} trial
 * @property {string} origin of the application
 * @property {Person} person
 * @property {Signet} signet
 * @property {string} clientId
 * @property {string | undefined} clientSecret
 * @property {string | undefined} audience
 */

/** @typedef {[name: string, work: () => Promise<void>]} Step */

/**
 * Runs the steps in order. After a failure there is nothing to try further, except that a missing name does not keep anybody from the rest.
 *
 * @param {Trial} trial
 * @param {AsyncGenerator<Step> | Generator<Step>} steps
 * @param {() => number} limit
 * @param {() => string} output of the application
 * @returns {Promise<Steps>}
 */
async function collect(trial, steps, limit, output) {
  /** @type {Steps} */
  const results = {}
  for await (const [name, work] of steps) {
    if (trial.steps && !trial.steps.includes(name)) continue
    try {
      await before(limit(), work(), name)
      results[name] = 'yes'
    } catch (error) {
      if (error instanceof OutOfTime) throw error
      const { message } = /** @type {Error} */ (error)
      results[name] = message
      process.stderr.write(`\n${output()}\n`)
      if (name === 'sign in') break
    }
  }
  return results
}

/**
 * A sign-in as a person does it, without JavaScript.
 *
 * @param {Subject} subject
 * @returns {Generator<Step>}
 */
function* signIn({ trial, origin, person, signet }) {
  const browser = createBrowser()
  const { shows = ['sub', 'name', 'email'] } = trial
  const [identifier = 'sub'] = shows
  /** @type {Record<string, unknown> | undefined} */
  let me
  const whoAmI = async () => {
    const { status, text } = await browser.open(origin + trial.me, { accept: 'application/json' })
    return status === 200 ? parsed(text) : undefined
  }
  const compare = () => {
    if (shows.some((claim) => me?.[claim] !== person[claim]))
      throw new Error(`the application sees ${JSON.stringify(me)}`)
  }

  yield [
    'sign in',
    async () => {
      const page = await passPages(browser, await browser.open(origin + trial.login), signet.issuer, person)
      me = await whoAmI()
      if (!me?.[identifier])
        throw new Error(`nobody is signed in after ${withoutQuery(page.url)} (${page.status}): ${excerpt(page.text)}`)
      if (me[identifier] !== person[identifier]) throw new Error(`signed in as ${JSON.stringify(me[identifier])}`)
      if (!shows.includes('name')) compare()
    },
  ]
  // A client that keeps no name has no such step.
  if (shows.includes('name')) yield ['name and e-mail', async () => compare()]
  const { refresh, logout } = trial
  if (refresh)
    yield [
      'refresh',
      async () => {
        const { status, text } = await browser.open(origin + refresh, { accept: 'application/json' })
        if (parsed(text)?.['ok'] !== true) throw new Error(`${status}: ${excerpt(text)}`)
      },
    ]
  if (logout)
    yield [
      'sign out',
      async () => {
        const page = await passPages(browser, await browser.open(origin + logout), signet.issuer, person)
        if ((await whoAmI())?.[identifier]) throw new Error('the person is still signed in')
        if (trial.afterLogout === undefined) return
        if (new URL(page.url).origin !== origin) throw new Error(`it ends at ${withoutQuery(page.url)}`)
        const { url, text } = await browser.open(origin + trial.login)
        if (!text.includes('id="sign-in"'))
          throw new Error(`signed in again without a password, at ${withoutQuery(url)}`)
      },
    ]
}

/**
 * An API is given a token that Signet issued for it, and the same one with a changed payload.
 *
 * @param {Subject} subject
 * @returns {Generator<Step>}
 */
function* callApi({ trial, origin, signet, clientId, clientSecret, audience }) {
  let token = ''
  const call = async () => fetch(origin + trial.api, { headers: { authorization: `Bearer ${token}` } })
  yield [
    'accept a token',
    async () => {
      const response = await fetch(`${signet.issuer}/token`, {
        method: 'POST',
        headers: { authorization: `Basic ${btoa(`${clientId}:${clientSecret}`)}` },
        body: new URLSearchParams({ grant_type: 'client_credentials', resource: audience ?? '' }),
      })
      const answer = /** @type {Record<string, string>} */ (await response.json())
      token = answer['access_token'] ?? ''
      if (token === '') throw new Error(`no token: ${JSON.stringify(answer)}`)
      const called = await call()
      if (called.status !== 200) throw new Error(`${called.status}: ${excerpt(await called.text())}`)
    },
  ]
  yield [
    'refuse a changed one',
    async () => {
      const [header, payload = '', signature] = token.split('.')
      const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
      token = [header, Buffer.from(JSON.stringify({ ...claims, sub: 'x' })).toString('base64url'), signature].join('.')
      const { status } = await call()
      if (status !== 401) throw new Error(`answered ${status}`)
    },
  ]
}

/**
 * Passes the pages between the application and back: its own form that begins the sign-in, Signet's pages, and forms that submit
 * themselves where there is JavaScript. On the way back the application's forms are left alone: one could sign out again.
 *
 * @param {ReturnType<typeof createBrowser>} browser
 * @param {import('./browser.js').Visit} page
 * @param {string} issuer
 * @param {Person} person
 */
async function passPages(browser, page, issuer, person) {
  let hasBegun = false
  for (let pages = 0; pages < 8; pages++) {
    const forms = formsOf(page.text)
    const form = (/** @type {string} */ id) => forms.find(({ html }) => html.includes(`id="${id}"`))
    const [signInForm, consentForm, logoutForm] = [form('sign-in'), form('allow'), form('confirm-logout')]
    const isSignet = new URL(page.url).origin === issuer
    const [own] = forms.filter(({ action, method }) => method === 'post' && !(isSignet && action.startsWith('/')))
    if (isSignet && signInForm)
      page = await browser.submit(page, signInForm, { username: person.username, password: person.password })
    else if (isSignet && consentForm) page = await browser.submit(page, consentForm, { decision: 'allow' })
    else if (isSignet && logoutForm) page = await browser.submit(page, logoutForm)
    else if (own && (isSignet || !hasBegun)) page = await browser.submit(page, own)
    else break
    hasBegun = true
  }
  return page
}

/**
 * @param {Record<string, string>} env
 * @param {Record<string, string>} variables
 */
function withVariables(env, variables) {
  return Object.fromEntries(Object.entries(env).map(([name, value]) => [name, replaceVariables(value, variables)]))
}

/**
 * `${NAME}` in a command or variable stands for what the trial was given.
 *
 * @param {string} text
 * @param {Record<string, string>} variables
 */
function replaceVariables(text, variables) {
  return text.replace(/\$\{(\w+)\}/g, (all, name) => variables[name] ?? all)
}

/**
 * @param {string} text
 * @returns {Record<string, unknown> | undefined}
 */
function parsed(text) {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** @param {string} text */
function excerpt(text) {
  return text
    .replace(/<(style|script)[\s\S]*?<\/\1>/g, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, 200)
}
