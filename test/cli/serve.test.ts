import { createServer } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { recordEnding } from '../../src/records/endings/endings-store.ts'
import { answer, openConsole } from './console.ts'

const { environment, database } = await openConsole(t)

/** A port that somebody listens on, until the test is over. */
async function takenPort(): Promise<{ port: number; free: () => Promise<void> }> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((done) => server.once('listening', done))
  const address = server.address()
  if (typeof address !== 'object' || !address) throw new Error('It listens on a port.')
  return { port: address.port, free: () => new Promise((done) => server.close(() => done())) }
}

t.test('a port that is taken is told in a sentence, and everything is let go of', async (t) => {
  const { port, free } = await takenPort()
  const { code, out, err } = await answer(['serve'], {
    environment: { ...environment, SIGNET_PORT: String(port) },
    folder: '/nowhere',
  })
  t.same({ code, out }, { code: 1, out: '' })
  t.match(err, new RegExp(`^signet: Something listens on 127.0.0.1, port ${port}, already: .*SIGNET_PORT.*\\n$`))
  await free()
})

t.test('a server says when it is ready, and ends when it is asked', async (t) => {
  const { port, free } = await takenPort()
  await free()
  const asked = new AbortController()
  const served = answer(['serve'], {
    environment: { ...environment, SIGNET_PORT: String(port) },
    folder: '/nowhere',
    asked: asked.signal,
    onOut: () => asked.abort(),
  })
  t.same(await served, { code: 0, out: 'Signet is ready: http://localhost:4000\n', err: '' })
})

t.test('a server lets rows follow what others have decided', async (t) => {
  const { port, free } = await takenPort()
  await free()
  await recordEnding(database, { kind: 'client', reason: 'client_deleted', clientId: 'gone' }, undefined, 0)
  const asked = new AbortController()
  const served = answer(['serve'], {
    environment: { ...environment, SIGNET_PORT: String(port) },
    folder: '/nowhere',
    asked: asked.signal,
  })
  const deadline = Date.now() + 60_000
  while ((await database.query('SELECT FROM endings')).rowCount !== 0 && Date.now() < deadline) await pause(20)
  t.equal((await database.query('SELECT FROM endings')).rowCount, 0, 'within a minute')
  asked.abort()
  t.match(await served, { code: 0 })
})
