import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { type Connections, createConnections, type Taker } from '../../../src/platform/processes/connections.ts'
import { eventually } from '../../support/eventually.ts'
import { freePort } from '../../support/idp.ts'

async function open(t: Test): Promise<{ connections: Connections; port: number; connectOne: () => Promise<Socket> }> {
  const connections = createConnections(pino({ level: 'silent' }))
  const port = await freePort()
  await connections.listen({ host: '127.0.0.1', port, backlog: 10 })
  const clients: Socket[] = []
  t.teardown(async () => {
    for (const client of clients) client.destroy()
    await connections.close(0)
  })
  const connectOne = async () => {
    const client = connect(port, '127.0.0.1')
    clients.push(client)
    client.on('error', () => {})
    await new Promise((done) => client.once('connect', done))
    return client
  }
  return { connections, port, connectOne }
}

/** A process that remembers what it was handed. */
function taker(): Taker & { readonly handed: Socket[] } {
  const handed: Socket[] = []
  return { handed, hand: (connection) => handed.push(connection) }
}

const count = (what: string, one: { readonly handed: Socket[] }, expected: number) =>
  eventually(what, () => one.handed.length === expected)

t.test('a connection on its way to a process that ends goes to another one', async (t) => {
  const { connections, connectOne } = await open(t)
  const [first, second] = [taker(), taker()]
  connections.add(first)
  await connectOne()
  await count('the first to be handed the connection', first, 1)
  connections.add(second)
  connections.remove(first)
  t.same(second.handed, first.handed)
  t.notOk(second.handed[0]?.destroyed)
  connections.taken(second)
  t.ok(second.handed[0]?.destroyed, 'only the copy of this process')
})

t.test('connections wait while there is no process, and a busy process gets no second one', async (t) => {
  const { connections, connectOne } = await open(t)
  await Promise.all([connectOne(), connectOne(), connectOne()])
  const [first, second] = [taker(), taker()]
  connections.add(first)
  await count('the first to be handed one', first, 1)
  connections.add(second)
  await count('the second to be handed one', second, 1)
  connections.taken(second)
  await count('the one that is free to be handed the third', second, 2)
  t.equal(first.handed.length, 1)
  connections.taken(second)
  connections.taken(first)
  await connectOne()
  await count('the one that has been free for longer to be handed the fourth', second, 3)
})

t.test('a process that leaves gets no more, but may confirm what it has', async (t) => {
  const { connections, connectOne } = await open(t)
  const leaving = taker()
  connections.add(leaving)
  await connectOne()
  await count('it to be handed one', leaving, 1)
  connections.pass(leaving)
  connections.taken(leaving)
  await connectOne()
  const other = taker()
  connections.add(other)
  await count('the other to be handed the next', other, 1)
  t.equal(leaving.handed.length, 1)
})

t.test('closing waits until everything is taken, and then nothing can connect', async (t) => {
  const { connections, port, connectOne } = await open(t)
  const [only, ended] = [taker(), taker()]
  connections.add(only)
  await connectOne()
  await count('the first to be handed over', only, 1)
  connections.add(ended)
  await connectOne()
  await count('the second to be handed over', ended, 1)
  connections.remove(ended)
  let isClosed = false
  const closed = connections.close(600_000).then(() => {
    isClosed = true
  })
  await t.rejects(
    new Promise((resolve, reject) => connect(port, '127.0.0.1').once('connect', resolve).once('error', reject)),
    { code: 'ECONNREFUSED' },
  )
  t.notOk(isClosed)
  connections.taken(only)
  t.equal(only.handed.length, 2)
  t.notOk(isClosed)
  connections.taken(only)
  await closed
})

t.test('what nobody takes in time is closed', async (t) => {
  const { connections, connectOne } = await open(t)
  const client = await connectOne()
  const ended = new Promise((done) => client.once('close', done))
  client.resume()
  await eventually('the connection to be accepted and closed', async () => {
    await connections.close(1)
    return client.destroyed
  })
  await ended
})

t.test('a port in use is an error', async (t) => {
  const other = createServer().listen(0, '127.0.0.1')
  await new Promise((done) => other.once('listening', done))
  const { port } = other.address() as AddressInfo
  const connections = createConnections(pino({ level: 'silent' }))
  await t.rejects(connections.listen({ host: '127.0.0.1', port, backlog: 10 }), { code: 'EADDRINUSE' })
  other.close()
})
