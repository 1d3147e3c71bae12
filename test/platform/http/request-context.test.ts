import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { callerOf } from '../../../src/platform/http/request-context.ts'
import { createServer } from '../../../src/platform/http/server.ts'
import { selfSigned } from '../../cli/doctor/certificate.ts'

const folder = mkdtempSync(join(tmpdir(), 'signet-tls-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))
const { cert, key } = selfSigned({})
const tls = { certFile: join(folder, 'cert.pem'), keyFile: join(folder, 'key.pem') }
writeFileSync(tls.certFile, cert)
writeFileSync(tls.keyFile, key)

/** A server that looks where a request came from only when the client has hung up. */
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
  t.test(`over ${over} the address of a client is known though it has hung up, by RST or by FIN`, async (t) => {
    const from = await lateServer(t, more)
    for (const how of ['RST', 'FIN'] as const) {
      t.equal(await from(how), '127.0.0.1', how)
      t.equal(await from(how, 'x-forwarded-for: 203.0.113.9\r\n'), '127.0.0.1', 'no header is believed')
    }
  })

t.test('of what a trusted proxy says, only what can be an address is kept', async (t) => {
  const from = await lateServer(t, { trustProxy: ['loopback'] })
  for (const address of [
    '203.0.113.9',
    '2001:db8::1',
    '[2001:db8::1]:443',
    '203.0.113.9:1234',
    'fe80::1%eth0',
    'unknown',
  ])
    t.equal(await from('FIN', `x-forwarded-for: ${address}\r\n`), address)
  for (const text of ['\u009b2J', 'a b', '"><script>', 'x'.repeat(101), '\u00e9'])
    t.equal(await from('FIN', `x-forwarded-for: ${text}\r\n`), 'unknown', JSON.stringify(text))
})
