import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from './built.js'
import { answers, before, runProgram, startProgram } from './commands.js'
import { listOf } from './trials.js'

/** @typedef {import('./trials.js').Trial} Trial */

/**
 * @typedef {object} Person
 * @property {string} sub
 * @property {string} username
 * @property {string} email
 * @property {string} name
 * @property {string} password
 */

/** What a client may ask for if nobody says otherwise. With --scope, the list replaces these. */
const usual = ['openid', 'profile', 'email', 'offline_access']

const program = fileURLToPath(new URL('../../dist/main.js', import.meta.url))

/**
 * Starts the built server as an operator would, with its own database in a temporary folder.
 *
 * @param {number} deadline in milliseconds of Date.now()
 */
export async function startSignet(deadline) {
  if (!existsSync(program)) throw new Error('Signet is not built. Run npm run build.')
  const folder = await mkdtemp(join(tmpdir(), 'signet-clients-'))
  // As root, the embedded database runs as another user.
  await chmod(folder, 0o755)
  const issuer = `http://localhost:${await freePort()}`
  const env = {
    ...withoutSignet(process.env),
    SIGNET_ISSUER: issuer,
    SIGNET_DATA_DIR: join(folder, 'data'),
    SIGNET_KEYS_DIR: join(folder, 'keys'),
    SIGNET_LOG_LEVEL: 'warn',
  }
  const server = startProgram([process.execPath, program, 'serve'], { cwd: folder, env })
  const stop = async () => {
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  }
  const run = (/** @type {string[]} */ args, /** @type {string | undefined} */ input = undefined) =>
    runProgram([process.execPath, program, ...args, '--json'], {
      cwd: folder,
      env,
      deadline,
      ...(input === undefined ? {} : { input }),
    }).then((text) => JSON.parse(text))
  try {
    await before(
      deadline,
      answers(`${issuer}/readyz`, server, ({ ok }) => ok),
      'the start of Signet',
    )
  } catch (error) {
    await stop()
    throw error
  }
  return {
    issuer,
    stop,
    /** The end of its log. */
    log: server.output,

    /**
     * @param {Trial} trial
     * @returns {Promise<Person>}
     */
    person: async ({ person: { emailVerified = true } = {} }) => {
      const id = randomBytes(4).toString('hex')
      const person = { username: `ada-${id}`, email: `ada-${id}@example.com`, name: 'Ada Lovelace' }
      const password = randomBytes(12).toString('base64url')
      const { sub } = await run(
        [
          ...['users', 'create', '--email', person.email, '--username', person.username, '--name', person.name],
          ...(emailVerified ? ['--email-verified'] : []),
          '--password-stdin',
        ],
        password,
      )
      return { ...person, sub, password }
    },

    /**
     * Registers what a trial needs, with nothing but what its manifest names.
     *
     * @param {Trial} trial
     * @param {string} origin of the application
     */
    register: async (trial, origin) => {
      const { resource } = trial
      const audience = resource && (resource.identifier ?? `${origin}${resource.path ?? ''}`)
      if (resource && audience)
        await run([
          ...['resources', 'create', '--identifier', audience],
          ...resource.scopes.flatMap((scope) => ['--scope', scope]),
          ...(resource.flags ?? []),
        ])
      const created = await run([
        ...['clients', 'create', '--name', trial.title, '--kind', trial.kind === 'api' ? 'machine' : trial.kind],
        ...listOf(trial.redirect).flatMap((path) => ['--redirect-uri', `${origin}${path}`]),
        ...listOf(trial.afterLogout).flatMap((path) => ['--post-logout-redirect-uri', `${origin}${path}`]),
        ...(resource && audience
          ? ['--resource', audience, '--scope', [...(trial.kind === 'api' ? [] : usual), ...resource.scopes].join(' ')]
          : []),
        ...(trial.flags ?? []),
      ])
      const caller = { clientId: created.client_id, clientSecret: created.client_secret }
      if (!resource?.servedBy || !audience) return { ...caller, caller, audience }
      const serving = await run([
        ...['clients', 'create', '--name', `${trial.title}, gateway`, '--kind', 'machine'],
        ...resource.servedBy,
      ])
      await run(['resources', 'update', audience, '--served-by', serving.client_id])
      const { client_id: clientId, client_secret: clientSecret, configuration } = serving
      return { clientId, clientSecret, configuration, caller, audience }
    },
  }
}

/**
 * The environment without settings of Signet and options of Node, which would reach the programs that are tried.
 *
 * @param {NodeJS.ProcessEnv} env
 */
export function withoutSignet(env) {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !name.startsWith('SIGNET_') && name !== 'NODE_OPTIONS' && name !== 'TAP'),
  )
}
