// An external PostgreSQL, for comparison with Signet's embedded one.
import { chownSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { countingLibrary, watchDatabase } from '../database-usage.js'
import { onPath } from '../machine.js'
import { freePort } from './free-port.js'

/**
 * A cluster in which each server has a database of its own.
 *
 * @typedef {object} Database
 * @property {string} version
 * @property {(name: string) => Promise<string>} create makes a database and returns its URL
 * @property {(url: string) => Promise<import('../database-usage.js').DatabaseWatch>} watch
 */

/**
 * The one that BENCH_DATABASE_URL names, otherwise an installed PostgreSQL that is started for the run.
 *
 * @param {import('../children.js').Children} children
 * @param {import('../machine.js').Processors} processors
 * @returns {Promise<Database | undefined>}
 */
export async function externalDatabase(children, processors) {
  const named = process.env['BENCH_DATABASE_URL']
  const url = named ?? (await startInstalled(children, processors))
  if (url === undefined) return undefined
  const { server_version: version } = await queryOnce(url, 'SHOW server_version')
  return {
    version: String(version).split(' ')[0] ?? '',
    create: async (name) => {
      await queryOnce(url, `CREATE DATABASE ${name}`)
      const created = new URL(url)
      created.pathname = name
      return created.href
    },
    watch: (of) => watchDatabase(url, decodeURIComponent(new URL(of).pathname.slice(1))),
  }
}

/** @param {string} url @param {string} sql */
async function queryOnce(url, sql) {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(sql)).rows[0]
  } finally {
    await client.end()
  }
}

const nobody = 65534

/**
 * @param {import('../children.js').Children} children
 * @param {import('../machine.js').Processors} processors
 */
async function startInstalled({ run, serve, folder }, processors) {
  const bin = newestInstalled()
  if (bin === undefined) return undefined
  // PostgreSQL does not run as root.
  const isRoot = process.getuid?.() === 0
  if (isRoot && !onPath('setpriv')) return undefined
  const home = join(folder, 'postgresql')
  mkdirSync(home, { mode: 0o755 })
  const password = join(home, 'password')
  writeFileSync(password, 'bench')
  if (isRoot) chownSync(home, nobody, nobody)
  /** @param {string} name @param {string[]} args */
  const command = (name, args) => {
    const own = { program: join(bin, name), args }
    const as = ['--reuid', String(nobody), '--regid', String(nobody), '--clear-groups']
    return isRoot ? { program: 'setpriv', args: [...as, own.program, ...args] } : own
  }
  const data = join(home, 'data')
  await run(command('initdb', ['-D', data, '-U', 'postgres', '-A', 'scram-sha-256', '--pwfile', password]))
  const port = await freePort()
  // Debian has the library in the package of the server, other distributions in one of its own.
  const counting = existsSync(join(bin, '../lib', `${countingLibrary}.so`))
  const options = [
    ...['-p', String(port), '-k', home, '-c', 'listen_addresses=127.0.0.1'],
    ...(counting ? ['-c', `shared_preload_libraries=${countingLibrary}`] : []),
  ]
  await serve({
    ...command('postgres', ['-D', data, ...options]),
    ...{ processors: processors?.others, ready: 'ready to accept connections', signal: 'SIGINT' },
  })
  return `postgres://postgres:bench@127.0.0.1:${port}/postgres`
}

function newestInstalled() {
  try {
    const versions = readdirSync('/usr/lib/postgresql').sort((a, b) => Number(b) - Number(a))
    return versions[0] === undefined ? undefined : join('/usr/lib/postgresql', versions[0], 'bin')
  } catch {
    return undefined
  }
}
