import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import t from 'tap'
import { recordEnding } from '../../src/records/endings/endings-store.ts'
import type { ClientId } from '../../src/records/ids.ts'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/idp.ts'
import { answer, openConsole } from './console.ts'

const { environment, database } = await openConsole(t)

/** A port that is in use until the test ends. */
async function takenPort(): Promise<{ port: number; free: () => Promise<void> }> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((done) => server.once('listening', done))
  const address = server.address()
  if (typeof address !== 'object' || !address) throw new Error('It listens on a port.')
  return { port: address.port, free: () => new Promise((done) => server.close(() => done())) }
}

t.test('a port in use is reported in one sentence, and everything is released', async (t) => {
  const { port, free } = await takenPort()
  const { code, out, err } = await answer(['serve'], {
    environment: { ...environment, SIGNET_PORT: String(port) },
    folder: '/nowhere',
  })
  t.same({ code, out }, { code: 1, out: '' })
  t.match(err, new RegExp(`^signet: Port ${port} of 127.0.0.1 is in use. .*SIGNET_PORT.*\\n$`))
  await free()
})

t.test("if the port in use is the issuer's own, the advice is an installation with another issuer", async (t) => {
  const { port, free } = await takenPort()
  const { signet } = await openConsole(t, { SIGNET_ISSUER: `http://localhost:${port}` })
  const { code, out, err } = await signet('serve')
  t.same({ code, out }, { code: 1, out: '' })
  t.match(err, `SIGNET_ISSUER=http://localhost:4010 SIGNET_DATABASE_SCHEMA=signet_4010 SIGNET_KEYS_DIR=keys-4010\n`)
  t.notMatch(err, 'SIGNET_PORT', 'with SIGNET_PORT alone, this process would announce the address of the other one')
  await free()
})

t.test('a server reports when it is ready, and stops when asked', async (t) => {
  const port = await freePort()
  const stop = new AbortController()
  const served = answer(['serve'], {
    environment: { ...environment, SIGNET_PORT: String(port) },
    folder: '/nowhere',
    stopSignal: stop.signal,
    onOut: () => stop.abort(),
  })
  t.same(await served, {
    code: 0,
    out: `Signet is ready: http://localhost:4000 (this process listens on http://127.0.0.1:${port})\n`,
    err: '',
  })
})

t.test('only one address is printed if the issuer is the address listened on', async (t) => {
  const port = await freePort()
  const issuer = `http://localhost:${port}`
  const { environment } = await openConsole(t, { SIGNET_ISSUER: issuer })
  const stop = new AbortController()
  const served = answer(['serve'], {
    ...{ environment, folder: '/nowhere', stopSignal: stop.signal },
    onOut: () => stop.abort(),
  })
  t.same(await served, { code: 0, out: `Signet is ready: ${issuer}\n`, err: '' })
})

t.test('hundreds of connections wait to be accepted while the server is busy', async (t) => {
  const port = await freePort()
  // The system may allow fewer than the 4,096 that the server asks for. Node's default is 511.
  const limit = '/proc/sys/net/core/somaxconn'
  const many = Math.min(700, existsSync(limit) ? Number(readFileSync(limit, 'utf8')) : 100)
  const connects = `
    const { connect } = require('node:net')
    let connected = 0
    const end = () => { process.stdout.write(String(connected)); process.exit() }
    setTimeout(end, 60_000)
    for (let n = 0; n < ${many}; n++)
      connect(${port}, '127.0.0.1').on('connect', () => ++connected === ${many} && end()).on('error', () => {})`
  const stop = new AbortController()
  let connected = ''
  const { code } = await answer(['serve'], {
    environment: { ...environment, SIGNET_PORT: String(port) },
    folder: '/nowhere',
    stopSignal: stop.signal,
    onOut: () => {
      // Meanwhile nothing else runs in this process, so the server accepts no connection.
      connected = execFileSync(process.execPath, ['-e', connects], { encoding: 'utf8', env: {} })
      stop.abort()
    },
  })
  t.same({ code, connected }, { code: 0, connected: String(many) })
})

t.test('a server updates rows after endings that other processes decided', async (t) => {
  const { port, free } = await takenPort()
  await free()
  await recordEnding(database, { kind: 'client', reason: 'client_deleted', clientId: 'gone' as ClientId }, undefined, 0)
  const stop = new AbortController()
  const served = answer(['serve'], {
    environment: { ...environment, SIGNET_PORT: String(port) },
    folder: '/nowhere',
    stopSignal: stop.signal,
  })
  await eventually('its row to go', async () => (await database.query('SELECT FROM endings')).rowCount === 0)
  stop.abort()
  t.match(await served, { code: 0 })
})
