// Measures client_credentials with an ES256 JWT: Signet, oidc-provider in memory (its best case) and the floor, a bare node:http
// server that signs and replies. All in one run on one machine; read the ratios, not the numbers.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import autocannon from 'autocannon'

const seconds = Number(process.env.BENCH_SECONDS ?? 5)
const here = import.meta.dirname
/** @type {import('node:child_process').ChildProcess[]} */
const children = []

/** @typedef {{ url: string, clientId: string, secret: string, scope: string }} Target */

/**
 * Starts a server and waits for the line that says it is ready.
 *
 * @param {string[]} command
 * @param {Record<string, string>} environment
 * @returns {Promise<string>} what it printed
 */
function serve(command, environment) {
  const child = spawn(process.execPath, command, {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`${command.join(' ')} ended with ${code}`)))
    child.stdout.on('data', (data) => String(data).includes('ready') && resolve(String(data)))
  })
}

/**
 * Runs a command that prints JSON.
 *
 * @param {string[]} command
 * @param {Record<string, string>} environment
 * @returns {Promise<Record<string, string>>}
 */
function run(command, environment) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, command, {
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let out = ''
    child.stdout.on('data', (data) => (out += data))
    child.once('exit', (code) =>
      code === 0 ? resolve(JSON.parse(out)) : reject(new Error(`${command.join(' ')} ended with ${code}`)),
    )
  })
}

/**
 * @param {string} name
 * @param {Target} target
 */
async function measure(name, { url, clientId, secret, scope }) {
  const request = /** @type {const} */ ({
    url,
    method: 'POST',
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      authorization: `Basic ${Buffer.from(`${clientId}:${secret}`).toString('base64')}`,
    },
    body: `grant_type=client_credentials&scope=${encodeURIComponent(scope)}`,
    connections: 32,
  })
  const first = await fetch(url, { method: 'POST', headers: request.headers, body: request.body })
  if (!(await first.json()).access_token) throw new Error(`${name} gave no token: ${first.status}`)
  await autocannon({ ...request, duration: 2 })
  const result = await autocannon({ ...request, duration: seconds })
  if (result.non2xx > 0) throw new Error(`${name}: ${result.non2xx} answers were no success`)
  process.stderr.write(`  ${name} done\n`)
  return { name, perSecond: Math.round(result.requests.average), p50: result.latency.p50, p99: result.latency.p99 }
}

const folder = mkdtempSync(join(tmpdir(), 'signet-bench-'))
try {
  const target = (/** @type {string} */ line) => /** @type {Target} */ (JSON.parse(line.slice('ready '.length)))
  const floor = target(await serve([join(here, 'floor.js')], { PORT: '4101' }))
  const peer = target(await serve([join(here, 'peer.js')], { PORT: '4102', NODE_ENV: 'production' }))
  const environment = {
    SIGNET_ISSUER: 'http://localhost:4100',
    SIGNET_DATA_DIR: join(folder, 'data'),
    SIGNET_KEYS_DIR: join(folder, 'keys'),
    SIGNET_LOG_LEVEL: 'warn',
    NODE_ENV: 'production',
  }
  const signet = join(here, '../dist/main.js')
  await serve([signet, 'serve'], environment)
  await run(
    [signet, 'resources', 'create', '--identifier', 'https://api.example', '--scope', 'api:read', '--json'],
    environment,
  )
  const client = await run(
    [
      signet,
      'clients',
      'create',
      '--name',
      'Bench',
      '--grant-type',
      'client_credentials',
      '--scope',
      'api:read',
      '--json',
    ],
    environment,
  )
  const { client_id: clientId = '', client_secret: secret = '' } = client
  const bare = await measure('floor', floor)
  const other = await measure('oidc-provider', peer)
  const own = await measure('Signet', { url: 'http://127.0.0.1:4100/token', clientId, secret, scope: 'api:read' })
  console.table(
    [bare, other, own].map((result) => ({
      ...result,
      'of the floor': (result.perSecond / bare.perSecond).toFixed(2),
      'of oidc-provider': (result.perSecond / other.perSecond).toFixed(2),
    })),
  )
} finally {
  for (const child of children) {
    child.removeAllListeners('exit')
    child.kill('SIGTERM')
  }
  await Promise.all(children.map((child) => child.exitCode ?? new Promise((resolve) => child.once('exit', resolve))))
  rmSync(folder, { recursive: true, force: true })
}
