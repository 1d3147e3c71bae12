import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from './free-port.js'
import { memory, flags as memoryFlags } from './memory.js'
import { people, redirectUri, targetOf } from './target.js'

/** @typedef {import('../children.js').Children} Children */
/** @typedef {import('../machine.js').Processors} Processors */

const program = join(import.meta.dirname, '../../dist/main.js')

/** An installation of Signet: its folders and its environment. */
/** @typedef {{ environment: Record<string, string>, issuer: string }} Installation */

/**
 * @param {string} folder empty, or created by an earlier installation
 * @param {string} [databaseUrl] an external PostgreSQL
 * @returns {Promise<Installation>}
 */
export async function installation(folder, databaseUrl) {
  if (!existsSync(program)) throw new Error('There is no dist/main.js: run npm run build.')
  const issuer = `http://127.0.0.1:${await freePort()}`
  return {
    issuer,
    environment: {
      ...{ SIGNET_ISSUER: issuer, SIGNET_DATA_DIR: join(folder, 'data'), SIGNET_KEYS_DIR: join(folder, 'keys') },
      ...{ SIGNET_LOG_LEVEL: 'warn', NODE_ENV: 'production', ...memory },
      ...(databaseUrl !== undefined && { SIGNET_DATABASE_URL: databaseUrl }),
    },
  }
}

/**
 * Starts Signet on a processor of its own. It first starts on the load generator's processors, so that its embedded PostgreSQL stays
 * there, and is then moved with all its threads.
 *
 * @param {Children} children
 * @param {Processors} processors
 * @param {Installation} installation
 * @param {string[]} [flags] of node
 */
export async function serveSignet({ serve }, processors, { environment }, flags = []) {
  const from = performance.now()
  const server = await serve({
    ...{ program: process.execPath, args: [...memoryFlags, ...flags, program, 'serve'], environment },
    ...{ processors: processors?.others, ready: 'Signet is ready' },
  })
  const readyAfter = performance.now() - from
  if (processors) execFileSync('taskset', ['--all-tasks', '--cpu-list', '--pid', processors.server, String(server.pid)])
  return { ...server, readyAfter }
}

/**
 * Creates the clients, resources and users of the scenarios in a running Signet.
 *
 * @param {Children} children
 * @param {Installation} installation
 * @param {'Signet' | 'Signet, external'} name
 * @param {number} pid
 */
export async function createRecords({ run }, { environment, issuer }, name, pid) {
  /** @param {string} args @param {string} [input] */
  const signet = async (args, input) => {
    const command = { program: process.execPath, args: [program, ...args.split(' '), '--json'], environment }
    return JSON.parse(await run(input === undefined ? command : { ...command, input }))
  }
  /** @param {string} args */
  const client = async (args) => {
    const { client_id: clientId, client_secret: secret } = await signet(`clients create ${args}`)
    return { clientId, secret }
  }
  await signet('resources create --identifier https://api.example --scope api:read')
  await signet(
    'resources create --identifier https://reports.example --scope reports:read --access-token-signing-alg RS256',
  )
  const machine = await client('--name Machine --grant-type client_credentials --scope api:read --scope reports:read')
  const scopes = '--scope openid --scope offline_access --scope api:read'
  // As the peer's ID tokens.
  const idTokens = '--id-token-signed-response-alg ES256'
  const web = { ...(await client(`--name Web --redirect-uri ${redirectUri} ${scopes} ${idTokens}`)), redirectUri }
  for (const { username, password } of people)
    await signet(`users create --username ${username} --password-stdin`, password)
  return targetOf(name, pid, issuer, { machine, web })
}
