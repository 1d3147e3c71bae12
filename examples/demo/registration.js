import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { DemoFailed } from './programs.js'

/**
 * @typedef {object} Registration the demo's client, as it is stored
 * @property {string} issuer
 * @property {string} audience
 * @property {string} redirect_uri
 * @property {string} client_id
 * @property {string} client_secret
 */

/**
 * @typedef {object} Wanted
 * @property {string} issuer
 * @property {string} audience the API's identifier
 * @property {string} redirectUri
 * @property {string} postLogoutRedirectUri
 * @property {Promise<void>} signetReady
 * @property {(...args: string[]) => Promise<{ code: number | null, output: string, errors: string }>} signet runs a command
 */

/**
 * Makes sure that `file` has a usable client for the demo. Registers a new one if there is none, if Signet does not know it any more (a
 * new database), or if the demo now runs at other addresses.
 *
 * @param {string} file
 * @param {Wanted} wanted
 * @throws {DemoFailed}
 */
export async function findOrRegister(file, wanted) {
  const kept = await readKept(file)
  // The first start creates the installation; commands work only on one that exists.
  await wanted.signetReady
  if (kept && isFor(kept, wanted) && (await isKnown(kept))) return
  await keep(file, await register(wanted))
}

/**
 * @param {string} file
 * @returns {Promise<Partial<Registration> | undefined>}
 */
async function readKept(file) {
  try {
    return JSON.parse(await readFile(file, 'utf8'))
  } catch {
    // It does not exist, or is damaged. In both cases a new one is written.
    return undefined
  }
}

/**
 * @param {Partial<Registration>} kept
 * @param {Wanted} wanted
 * @returns {kept is Registration}
 */
function isFor(kept, { issuer, audience, redirectUri }) {
  const isSame = kept.issuer === issuer && kept.audience === audience && kept.redirect_uri === redirectUri
  return isSame && kept.client_id !== undefined && kept.client_secret !== undefined
}

/**
 * Whether Signet knows client and secret. The token endpoint checks them first: for a made-up code, a known client gets `invalid_grant`
 * and any other gets `invalid_client` (RFC 6749 §5.2). This takes a few milliseconds; `signet clients show` would have to start a
 * program.
 *
 * @param {Registration} registration
 */
async function isKnown({ issuer, redirect_uri, client_id, client_secret }) {
  const response = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${client_id}:${client_secret}`).toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'authorization_code', code: 'none', redirect_uri }),
  })
  const { error } = await response.json()
  return error === 'invalid_grant'
}

/**
 * @param {Wanted} wanted
 * @returns {Promise<Registration>}
 */
async function register({ issuer, audience, redirectUri, postLogoutRedirectUri, signet }) {
  // The API first: a client can be registered only for scopes that exist.
  const resource = await signet(
    ...['resources', 'create', '--identifier', audience, '--name', 'Notes API'],
    ...['--scope', 'notes:read', '--scope', 'notes:write'],
    // The consent page shows these after "Notes will be able to".
    ...['--scope-description', 'notes:read=read your notes'],
    ...['--scope-description', 'notes:read#de=Ihre Notizen lesen'],
    ...['--scope-description', 'notes:write=add notes in your name'],
    ...['--scope-description', 'notes:write#de=in Ihrem Namen Notizen anlegen', '--json'],
  )
  if (resource.code !== 0) {
    // Most likely it is already registered.
    const { code } = await signet('resources', 'show', audience, '--json')
    if (code !== 0) throw new DemoFailed(`The API could not be registered. ${resource.errors.trim()}`)
  }
  const client = await signet(
    ...['clients', 'create', '--name', 'Notes', '--redirect-uri', redirectUri],
    ...['--post-logout-redirect-uri', postLogoutRedirectUri],
    ...['--scope', 'openid profile email offline_access notes:read notes:write', '--json'],
  )
  if (client.code !== 0) throw new DemoFailed(`Notes could not be registered. ${client.errors.trim()}`)
  const { client_id, client_secret } = JSON.parse(client.output)
  return { issuer, audience, redirect_uri: redirectUri, client_id, client_secret }
}

/**
 * Writes the file atomically, readable only by its owner, because it has a secret.
 *
 * @param {string} file
 * @param {Registration} registration
 */
async function keep(file, registration) {
  await mkdir(dirname(file), { recursive: true })
  const draft = `${file}.${process.pid}`
  await writeFile(draft, `${JSON.stringify(registration, null, 2)}\n`, { mode: 0o600 })
  await rename(draft, file)
}
