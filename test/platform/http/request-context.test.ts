import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import fc from 'fast-check'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { clientAddress } from '../../../src/platform/http/client-address.ts'
import { callerOf } from '../../../src/platform/http/request-context.ts'
import { canonicalAddress, rangeTest } from '../../../src/platform/network-address.ts'
import { createServer } from '../../../src/protocol/http/server.ts'
import { selfSigned } from '../../cli/doctor/certificate.ts'

const folder = mkdtempSync(join(tmpdir(), 'signet-tls-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))
const { cert, key } = selfSigned({})
const tls = { certFile: join(folder, 'cert.pem'), keyFile: join(folder, 'key.pem') }
writeFileSync(tls.certFile, cert)
writeFileSync(tls.keyFile, key)

/** A server that looks up the client's address only after the client has hung up. */
async function lateServer(t: Test, more: { tls?: typeof tls; trustProxy?: string[] }) {
  const settings = { issuer: 'https://id.example', tls: undefined, trustProxy: [], keepAliveTimeout: 60, ...more }
  const app = createServer(settings, pino({ level: 'silent' }), () => {})
  let hangUp = () => {}
  let answer: (network: string) => void = () => {}
  app.get('/', async (request) => {
    const closed = new Promise((resolve) => request.raw.socket.once('close', resolve))
    hangUp()
    await closed
    answer(callerOf(request).network)
    return {}
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(() => app.close())
  const { port } = app.server.address() as AddressInfo
  return (how: 'RST' | 'FIN', headers = '') =>
    new Promise<string>((resolve, reject) => {
      answer = resolve
      const request = `GET / HTTP/1.1\r\nhost: x\r\n${headers}\r\n`
      const raw = connect(port, '127.0.0.1')
      const socket = more.tls ? connectTls({ socket: raw, rejectUnauthorized: false }) : raw
      hangUp = () => (how === 'RST' ? raw.resetAndDestroy() : raw.destroy())
      for (const one of [raw, socket]) one.on('error', reject)
      socket.once(more.tls ? 'secureConnect' : 'connect', () => socket.write(request))
    })
}

for (const [over, more] of Object.entries({ HTTP: {}, TLS: { tls } }))
  t.test(`over ${over} the client's address is known even after it has hung up, by RST or by FIN`, async (t) => {
    const from = await lateServer(t, more)
    for (const how of ['RST', 'FIN'] as const) {
      t.equal(await from(how), '127.0.0.1', how)
      t.equal(await from(how, 'x-forwarded-for: 203.0.113.9\r\n'), '127.0.0.1', 'headers are ignored')
    }
  })

t.test('behind a trusted proxy the address is the one that the proxy saw, in its canonical form', async (t) => {
  const from = await lateServer(t, { trustProxy: ['loopback', '10.0.0.0/8', 'fd00::/8'] })
  const lines: readonly (readonly [address: string, ...headers: string[]])[] = [
    // As proxies write it: alone, with a port (Azure Application Gateway, IIS), in brackets, in quotes.
    ['203.0.113.9', '203.0.113.9'],
    ['203.0.113.9', '203.0.113.9:1234'],
    ['203.0.113.9', '"203.0.113.9:1234"'],
    ['203.0.113.9', '[203.0.113.9]:1234'],
    ['203.0.113.9', '::ffff:203.0.113.9'],
    ['203.0.113.9', '[::FFFF:203.0.113.9]:443'],
    ['203.0.113.9', '64:ff9b::203.0.113.9'],
    ['203.0.113.9', '\t203.0.113.9  '],
    ['2001:db8::1', '2001:db8::1'],
    ['2001:db8::1', '2001:0DB8:0000::0001'],
    ['2001:db8::1', '[2001:db8::1]'],
    ['2001:db8::1', '[2001:db8::1]:443'],
    ['2001:db8::1', '"[2001:db8::1]:443"'],
    ['fe80::1', 'fe80::1%eth0'],
    ['fe80::1', '[fe80::1%12]:50000'],

    // What no trusted proxy has seen is ignored, whatever it is.
    ['203.0.113.9', '192.0.2.1, 203.0.113.9'],
    ['203.0.113.9', '10.0.0.1, 203.0.113.9:80'],
    ['203.0.113.9', 'unknown, , _secret, "><script>, 203.0.113.9'],
    ['203.0.113.9', '192.0.2.1', '203.0.113.9'],
    ['203.0.113.9', '203.0.113.9', '10.0.0.1:8080'],

    // A trusted proxy is recognized under any spelling. If all entries are proxies, the first one counts.
    ['203.0.113.9', '192.0.2.1, 203.0.113.9:4, 10.0.0.1:443, [fd00::2]:443, [::ffff:10.0.0.3]:1, "10.0.0.4"'],
    ['10.0.0.1', '10.0.0.1, 10.0.0.2'],

    // Anything that is not an address stops the search at the proxy that sent it.
    ['127.0.0.1', ''],
    ['127.0.0.1', ','],
    ['127.0.0.1', '203.0.113.9,'],
    ['127.0.0.1', '203.0.113.9', ''],
    ['10.0.0.1', '192.0.2.1, , 10.0.0.1'],
    ['10.0.0.1', '192.0.2.1, unknown, 10.0.0.1'],
    ...[
      ...[
        'unknown',
        '"unknown"',
        '_hidden',
        '_SEVKISEK:_port',
        'proxy.example.com',
        'for=203.0.113.9',
        '-',
        '203.0.113.9:',
        ':80',
      ],
      ...[
        '203.0.113.9:123456',
        '203.0.113.9:http',
        '203.0.113.9:80:80',
        '[203.0.113.9',
        '203.0.113.9]',
        '[[2001:db8::1]]',
        '[]:80',
      ],
      ...[
        '2001:db8::1]:443',
        '2001:db8:0:0:0:0:0:1:443',
        '203.0.113.9 198.51.100.1',
        '203.0.113.9;',
        '999.1.1.1',
        '"203.0.113.9',
        '""',
      ],
      ...['127.1', '0x7f.1', '0177.0.0.1', '010.0.0.1', '2130706433', '10.1', '203.0.113.009'],
      ...[
        '\u009b2J',
        '\u00e9',
        '"><script>',
        "'; DROP TABLE accounts; --",
        'x'.repeat(101),
        '1'.repeat(4000),
        ' '.repeat(4000),
      ],
    ].map((text) => ['127.0.0.1', `192.0.2.1, ${text}`] as const),
  ]
  for (const [address, ...headers] of lines)
    t.equal(
      await from('FIN', headers.map((header) => `x-forwarded-for: ${header}\r\n`).join('')),
      address,
      JSON.stringify(headers).slice(0, 80),
    )
})

t.test('only the last few proxies of a chain of thousands are followed', async (t) => {
  const from = await lateServer(t, { trustProxy: ['loopback', '10.0.0.0/8'] })
  const chain = Array.from({ length: 1_200 }, (_, hop) => `10.0.${hop >> 8}.${hop & 255}`).reverse()
  t.equal(await from('FIN', `x-forwarded-for: ${chain.join(',')}\r\n`), '10.0.0.19', 'the twentieth')
})

t.test('for any X-Forwarded-For, the result is a canonical address and does not depend on a port', async () => {
  const isTrusted = rangeTest(['10.0.0.0/8'])
  const resultOf = (header: string, peer = '10.0.0.1') =>
    clientAddress({ socket: { remoteAddress: peer }, headers: { 'x-forwarded-for': header } }, isTrusted)
  const address = fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    fc.ipV4().map((ip) => `::ffff:${ip}`),
    fc.ipV4().map((ip) => ip.replace(/^\d+/, '10')),
  )
  const rubbish = fc.string({ unit: fc.constantFrom(...'0123456789abcfx:.%[]",;= \t-_\u00a0'), maxLength: 60 })
  const members = fc.array(fc.oneof(address, rubbish, fc.string()), { maxLength: 30 })
  fc.assert(
    fc.property(members, fc.oneof(fc.constant('10.0.0.1'), address, rubbish), (all, peer) => {
      const result = resultOf(all.join(','), peer)
      return result === 'unknown' || canonicalAddress(result) === result
    }),
    { numRuns: 3_000 },
  )
  fc.assert(
    fc.property(members, address, fc.integer({ min: 0, max: 65_535 }), (left, ip, port) => {
      const withPort = `${ip.includes(':') ? `[${ip}]` : ip}:${port}`
      return resultOf([...left, ip].join(',')) === resultOf([...left, withPort].join(','))
    }),
    { numRuns: 1_000 },
  )
})
