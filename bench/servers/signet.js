import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadCountingLibrary, watchDatabase } from '../database-usage.js'
import { processTree } from '../process-usage.js'
import { freePort } from './free-port.js'
import { memory, flags as memoryFlags } from './memory.js'
import { people, redirectUri, targetOf } from './target.js'

/** @typedef {import('../children.js').Children} Children */
/** @typedef {import('../machine.js').Processors} Processors */

/** This checkout. */
const ownFolder = join(import.meta.dirname, '../..')

/** An installation of Signet: its program, its folders and its environment. */
/** @typedef {{ program: string, data: string, environment: Record<string, string>, issuer: string }} Installation */

/**
 * @param {string} folder empty, or created by an earlier installation
 * @param {{ checkout?: string, databaseUrl?: string, workers?: number }} [options] another checkout of Signet; an external PostgreSQL
 * @returns {Promise<Installation>}
 */
export async function installation(folder, { checkout = ownFolder, databaseUrl, workers } = {}) {
  const program = join(checkout, 'dist/main.js')
  if (!existsSync(program)) throw new Error(`There is no ${program}: run npm run build there.`)
  const issuer = `http://127.0.0.1:${await freePort()}`
  const data = join(folder, 'data')
  return {
    ...{ program, data, issuer },
    environment: {
      ...{ SIGNET_ISSUER: issuer, SIGNET_DATA_DIR: data, SIGNET_KEYS_DIR: join(folder, 'keys') },
      ...{ SIGNET_LOG_LEVEL: 'warn', NODE_ENV: 'production', ...memory },
      ...(databaseUrl !== undefined && { SIGNET_DATABASE_URL: databaseUrl }),
      ...(workers !== undefined && { SIGNET_WORKERS: String(workers) }),
    },
  }
}

/**
 * Starts Signet on a processor of its own. It first starts on the load generator's processors, so that its embedded PostgreSQL stays
 * there, and is then moved with all its threads and worker processes.
 *
 * @param {Children} children
 * @param {Processors} processors
 * @param {Installation} installation
 * @param {string[]} [flags] of node
 */
export async function serveSignet({ serve }, processors, { program, environment }, flags = []) {
  const from = performance.now()
  const server = await serve({
    ...{ program: process.execPath, args: [...memoryFlags, ...flags, program, 'serve'], environment },
    ...{ processors: processors?.others, ready: 'Signet is ready' },
  })
  const readyAfter = performance.now() - from
  const list = environment['SIGNET_WORKERS'] === undefined ? processors?.server : processors?.workers
  if (list !== undefined) moveTo(list, server.pid)
  return { ...server, readyAfter }
}

/**
 * Moves a server with all its threads and processes, except those of its PostgreSQL.
 *
 * @param {string} processors
 * @param {number} pid
 */
export function moveTo(processors, pid) {
  for (const one of processTree(pid) ?? [])
    execFileSync('taskset', ['--all-tasks', '--cpu-list', '--pid', processors, String(one.pid)])
}

/**
 * Watches the embedded PostgreSQL of a running Signet. So that its statements can be counted, it is started once more.
 *
 * @param {Children} children
 * @param {Processors} processors
 * @param {Installation} installation
 */
export async function serveWatched(children, processors, installation) {
  const first = await serveSignet(children, processors, installation)
  const connection = embeddedConnection(installation)
  try {
    await loadCountingLibrary(connection)
  } catch {
    // The path of its socket is too long, as it can be on a Mac. Its figures are then left out.
    return { pid: first.pid, database: undefined }
  }
  await first.end()
  const { pid } = await serveSignet(children, processors, installation)
  return { pid, database: await watchDatabase(connection, 'signet') }
}

/** @param {Installation} installation */
function embeddedConnection({ data }) {
  const folder = join(data, 'postgresql')
  const { superuserPassword: password } = JSON.parse(readFileSync(join(folder, 'credentials.json'), 'utf8'))
  return { host: join(folder, 'run'), port: 5432, user: 'postgres', password, database: 'template1' }
}

/**
 * Creates the clients, resources and users of the scenarios in a running Signet.
 *
 * @param {Children} children
 * @param {Installation} installation
 * @param {Pick<import('./target.js').Target, 'kind' | 'name' | 'pid' | 'database' | 'warmUp'>} running
 */
export async function createRecords({ run }, { program, environment, issuer }, running) {
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
  for (const [identifier, scope, alg] of [
    ['https://api.example', 'api:read', 'ES256'],
    ['https://reports.example', 'reports:read', 'RS256'],
  ])
    await signet(`resources create --identifier ${identifier} --scope ${scope} --access-token-signing-alg ${alg}`)
  const machine = await client('--name Machine --grant-type client_credentials --scope api:read --scope reports:read')
  const scopes = '--scope openid --scope offline_access --scope api:read'
  /** @param {string} alg */
  const web = (alg) =>
    client(`--name Web --redirect-uri ${redirectUri} ${scopes} --id-token-signed-response-alg ${alg}`)
  for (const { username, password } of people)
    await signet(`users create --username ${username} --password-stdin`, password)
  return targetOf({
    ...running,
    issuer,
    machine: { ES256: machine, RS256: machine },
    web: { ES256: await web('ES256'), RS256: await web('RS256') },
  })
}
