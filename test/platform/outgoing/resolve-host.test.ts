import { createSocket } from 'node:dgram'
import t, { type Test } from 'tap'
import { createResolveHost } from '../../../src/platform/outgoing/resolve-host.ts'

const types = { 1: 'A', 28: 'AAAA' } as const

/** The data of records: four or sixteen bytes each. Undefined: no answer at all. */
type Answer = (name: string, type: 'A' | 'AAAA') => readonly (readonly number[])[] | undefined

/** A DNS server (RFC 1035 §4) that answers questions for addresses, and counts them. */
async function dnsServer(t: Test, answer: Answer) {
  const asked: string[] = []
  const socket = createSocket('udp4', (query, from) => {
    const labels: string[] = []
    let at = 12
    for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
      labels.push(query.toString('latin1', at + 1, at + 1 + length))
      at += 1 + length
    }
    const name = labels.join('.').toLowerCase()
    const code = query.readUInt16BE(at + 1)
    const type = types[code as keyof typeof types]
    asked.push(`${name} ${type}`)
    const records = answer(name, type)
    if (!records) return
    const header = Buffer.alloc(12)
    query.copy(header, 0, 0, 2)
    header.writeUInt16BE(0x8180, 2)
    header.writeUInt16BE(1, 4)
    header.writeUInt16BE(records.length, 6)
    const resources = records.map((data) => Buffer.from([0xc0, 12, 0, code, 0, 1, 0, 0, 0, 0, 0, data.length, ...data]))
    socket.send(Buffer.concat([header, query.subarray(12, at + 5), ...resources]), from.port, from.address)
  })
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  t.teardown(() => socket.close())
  return { asked, servers: [`127.0.0.1:${socket.address().port}`] }
}

const ipv6 = [0x20, 0x01, 0x0d, 0xb8, ...new Array(11).fill(0), 1]

t.test('a host has the addresses of both families, but not more than a few', async (t) => {
  const { servers } = await dnsServer(t, (_name, type) =>
    type === 'A' ? Array.from({ length: 9 }, (_, index) => [192, 0, 2, index]) : [ipv6],
  )
  const found = await createResolveHost(() => false, servers)('keys.example')
  t.equal(found.length, 4)
  t.match(found.slice(0, 3), [/^192\.0\.2\.\d$/, /^192\.0\.2\.\d$/, /^192\.0\.2\.\d$/])
  t.equal(found[3], '2001:db8::1')
})

t.test('a host with one family has that one, and a host without any is an error', async (t) => {
  const { servers } = await dnsServer(t, (name, type) => {
    if (name === 'four.example' && type === 'A') return [[192, 0, 2, 1]]
    return name === 'six.example' && type === 'AAAA' ? [ipv6] : []
  })
  const resolve = createResolveHost(() => false, servers)
  t.same(await resolve('four.example'), ['192.0.2.1'])
  t.same(await resolve('six.example'), ['2001:db8::1'])
  await t.rejects(resolve('none.example'), { code: 'ENODATA' })
})

t.test('a DNS server that never answers for IPv6 does not use up the time', async (t) => {
  const { servers } = await dnsServer(t, (_name, type) => (type === 'A' ? [[192, 0, 2, 1]] : undefined))
  t.same(await createResolveHost(() => false, servers)('keys.example'), ['192.0.2.1'])
})

t.test('only names that the operator chose, and localhost, are looked up as the system does it', async (t) => {
  const { servers, asked } = await dnsServer(t, () => [[192, 0, 2, 1]])
  const resolve = createResolveHost((name) => name === 'chosen.localhost', servers)
  for (const name of ['localhost', 'chosen.localhost']) {
    const found = await resolve(name).catch(() => ['127.0.0.1'])
    t.ok(
      found.every((address) => address === '127.0.0.1' || address === '::1'),
      name,
    )
  }
  t.same(asked, [])
  await resolve('other.internal')
  t.ok(asked.length > 0)
})
