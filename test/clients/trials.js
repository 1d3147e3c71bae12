import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * What `client.json` says about a trial.
 *
 * @typedef {object} Manifest
 * @property {string} title of the client, as the matrix shows it
 * @property {string} version that the trial pins, as the matrix shows it
 * @property {string} [recipe] name of its page in docs/clients, without `.md`; the folder's name if omitted
 * @property {string[]} [needs] executables without which it is skipped
 * @property {number} [cost] seconds that the installation takes on an empty machine (roughly): cheap trials come first. Default 10
 * @property {'web' | 'spa' | 'native' | 'machine' | 'device' | 'api'} kind of client to register; `api` registers a resource and
 *   a machine that asks for its tokens
 * @property {string | string[]} [redirect] paths of the redirect URIs
 * @property {string | string[]} [afterLogout] paths of the post-logout redirect URIs. If it is there, signing out has to end there, and at Signet too
 * @property {{ path?: string, identifier?: string, scopes: string[], flags?: string[], servedBy?: string[] }} [resource] an API to register:
 *   at this path of the application, or with this identifier. The application reads it from AUDIENCE. `servedBy` has the flags of a client
 *   that serves the API, so that it may ask about tokens of other clients. The application is then this client, and reads the files of its
 *   configuration (`--for`) from CONFIGURATION: a JSON object with their texts by name
 * @property {string[]} [flags] further flags of `signet clients create`
 * @property {string} [setting] the one setting that is needed beyond the documented sample, and why
 * @property {{ emailVerified?: boolean }} [person] what is different about the person who signs in
 * @property {Record<string, string>} [env] further environment variables of the application
 * @property {string[][]} [install] commands that install it; they run in a copy of the folder outside the repository
 * @property {string[]} start the command that starts the application
 * @property {boolean} [chromium] whether it needs a real browser
 * @property {string[]} [steps] the steps to try, if not all that the paths below allow
 * @property {string} [login] path that begins the sign-in
 * @property {string} [me] path that answers with the signed-in person as JSON
 * @property {('sub' | 'username' | 'name' | 'email')[]} [shows] what the client keeps of the person and `me` shows, if that is not `sub`, `name`
 *   and `email`. The first one tells who has signed in
 * @property {string} [refresh] path that refreshes the tokens and answers `{ "ok": true }`
 * @property {string} [logout] path that signs out
 * @property {string} [api] path of an API that accepts an access token
 * @property {string} [notTried] why the client cannot be tried here. The matrix shows the reason
 */

/**
 * @typedef {Manifest & { name: string, language: string, folder: string }} Trial
 */

/** The folder of the trials. */
export const folder = fileURLToPath(new URL('.', import.meta.url))

/**
 * All trials, cheap ones first, so that a limit of time leaves out as few as possible.
 *
 * @returns {Trial[]}
 */
export function readTrials() {
  return foldersIn(folder)
    .flatMap((language) =>
      foldersIn(join(folder, language))
        .filter((name) => existsSync(join(folder, language, name, 'client.json')))
        .map((name) => readTrial(language, name)),
    )
    .sort((a, b) => costOf(a) - costOf(b) || a.title.localeCompare(b.title))
}

/**
 * @param {string} language
 * @param {string} name
 * @returns {Trial}
 */
function readTrial(language, name) {
  const trial = join(folder, language, name)
  return { ...JSON.parse(readFileSync(join(trial, 'client.json'), 'utf8')), name, language, folder: trial }
}

/** @param {Trial} trial */
function costOf({ cost = 10 }) {
  return cost
}

/** @param {string} parent */
function foldersIn(parent) {
  return readdirSync(parent, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== 'node_modules')
    .map((entry) => entry.name)
}

/**
 * The executables that a trial needs and this machine does not have.
 *
 * @param {Trial} trial
 * @returns {string[]}
 */
export function missingTools({ needs = [] }) {
  const path = (process.env['PATH'] ?? '').split(delimiter)
  return needs.filter((tool) => !path.some((directory) => existsSync(join(directory, tool))))
}

/** @param {string | string[] | undefined} value */
export function listOf(value) {
  return value === undefined ? [] : [value].flat()
}
