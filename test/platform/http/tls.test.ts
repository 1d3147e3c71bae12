import { X509Certificate } from 'node:crypto'
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import https from 'node:https'
import { type AddressInfo, connect as connectTcp } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { createServer } from '../../../src/protocol/http/server.ts'
import { selfSigned } from '../../cli/doctor/certificate.ts'

const ec = selfSigned({})
const rsa = selfSigned({ kind: 'rsa' })

interface Served {
  readonly port: number
  readonly certFile: string
  readonly keyFile: string
  /** What the timer does every ten seconds. */
  readonly check: () => Promise<void>
  readonly logged: () => { level: number; msg: string; [member: string]: unknown }[]
  readonly isStopped: () => boolean
  readonly close: () => Promise<void>
}

/** A server that terminates TLS itself, with these files in a folder of its own. */
async function serve(t: Test, pair: { cert: string; key: string }, limits = {}): Promise<Served> {
  const folder = folderOf(t)
  const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  writeFileSync(certFile, pair.cert)
  writeFileSync(keyFile, pair.key)
  return serveFiles(t, certFile, keyFile, limits)
}

async function serveFiles(t: Test, certFile: string, keyFile: string, limits = {}): Promise<Served> {
  let lines = ''
  const sink = new Writable({
    write: (chunk, _encoding, done) => {
      lines += chunk
      done()
    },
  })
  let check: (() => Promise<void>) | undefined
  let isStopped = false
  const settings = { issuer: 'https://localhost', tls: { certFile, keyFile }, trustProxy: [], keepAliveTimeout: 60 }
  const app = createServer(settings, pino({ level: 'info' }, sink), () => {}, {
    ...limits,
    repeat: (work) => {
      check = work
      return () => {
        isStopped = true
      }
    },
  })
  app.get('/', async () => ({ good: true }))
  await app.listen({ host: '127.0.0.1', port: 0 })
  let closed: Promise<void> | undefined
  const close = () => {
    closed ??= app.close()
    return closed
  }
  t.teardown(close)
  return {
    port: (app.server.address() as AddressInfo).port,
    ...{ certFile, keyFile, close },
    check: async () => check?.(),
    isStopped: () => isStopped,
    logged: () =>
      lines
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line))
        .filter(({ msg }) => msg !== 'request'),
  }
}

function folderOf(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'signet-test-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** What a handshake ends with: protocol and suite, or the error. */
async function handshake(port: number, options: ConnectionOptions = {}): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, servername: 'localhost', rejectUnauthorized: false, ...options })
  try {
    return await new Promise((resolve) => {
      socket.once('secureConnect', () => resolve(`${socket.getProtocol()} ${socket.getCipher().name}`))
      socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(`refused: ${code}`))
    })
  } finally {
    socket.destroy()
  }
}

const fingerprintOf = ({ cert }: { cert: string }) => new X509Certificate(cert).fingerprint256

/** The fingerprint of the certificate that a new connection gets. */
async function presented(port: number, options: ConnectionOptions = {}): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, servername: 'localhost', rejectUnauthorized: false, ...options })
  await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject))
  const { fingerprint256 } = socket.getPeerCertificate()
  socket.destroy()
  return fingerprint256
}

t.test('TLS 1.0 and 1.1 are refused', async (t) => {
  for (const pair of [ec, rsa]) {
    const { port } = await serve(t, pair)
    for (const version of ['TLSv1', 'TLSv1.1'] as const) {
      // This library refuses them as well, unless it is told otherwise.
      const old = { minVersion: version, maxVersion: version, ciphers: 'ALL:@SECLEVEL=0' }
      t.match(await handshake(port, old), /^refused: .*_ALERT_PROTOCOL_VERSION$/, version)
    }
  }
})

t.test('TLS 1.2 has exactly the suites that RFC 9325 section 4.2 recommends', async (t) => {
  const only12 = { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' } as const
  const good = {
    ec: ['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-AES256-GCM-SHA384'],
    rsa: ['ECDHE-RSA-AES128-GCM-SHA256', 'ECDHE-RSA-AES256-GCM-SHA384'],
  }
  const bad = [
    ...['AES128-GCM-SHA256', 'AES256-GCM-SHA384', 'AES128-SHA', 'AES256-SHA256'],
    ...['ECDHE-RSA-AES128-SHA', 'ECDHE-RSA-AES256-SHA384', 'ECDHE-ECDSA-AES128-SHA', 'ECDHE-ECDSA-AES256-SHA384'],
    ...['DHE-RSA-AES128-GCM-SHA256', 'DHE-RSA-AES256-SHA256', 'ECDHE-RSA-CHACHA20-POLY1305'],
    ...['AECDH-AES128-SHA', 'ADH-AES128-GCM-SHA256', 'ECDHE-ECDSA-NULL-SHA'],
  ]
  for (const [kind, pair] of [
    ['ec', ec],
    ['rsa', rsa],
  ] as const) {
    const { port } = await serve(t, pair)
    for (const suite of good[kind]) {
      t.equal(await handshake(port, { ...only12, ciphers: suite }), `TLSv1.2 ${suite}`)
      t.equal(
        await handshake(port, { ...only12, ciphers: `${bad.join(':')}:${suite}:@SECLEVEL=0` }),
        `TLSv1.2 ${suite}`,
      )
    }
    for (const suite of bad)
      t.match(
        await handshake(port, { ...only12, ciphers: `${suite}:@SECLEVEL=0` }),
        /^refused: .*_ALERT_/,
        `${kind}: ${suite}`,
      )
  }
})

t.test('TLS 1.3 is used by everybody who knows it', async (t) => {
  const { port } = await serve(t, ec)
  t.match(await handshake(port), /^TLSv1\.3 /)
  t.match(await handshake(port, { minVersion: 'TLSv1.2' }), /^TLSv1\.3 /)
  // A phone without AES in hardware.
  t.equal(
    await handshake(port, { ciphers: 'TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256' }),
    'TLSv1.3 TLS_CHACHA20_POLY1305_SHA256',
  )
})

t.test('a connection cannot be renegotiated, so it cannot make the server work', async (t) => {
  const { port } = await serve(t, ec)
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, maxVersion: 'TLSv1.2' })
  await new Promise((resolve) => socket.once('secureConnect', resolve))
  const refused = await new Promise((resolve) => {
    socket.on('error', resolve)
    socket.renegotiate({ rejectUnauthorized: false }, (error) => resolve(error ?? 'renegotiated'))
    // The library reads the refusal together with an answer.
    socket.resume().write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n')
  })
  // The code of the error depends on whether it was writing or reading.
  t.match(String(refused), /no.renegotiation/i)
  socket.destroy()
  t.match(await handshake(port), /^TLSv1\.3 /, 'the server goes on')
})

t.test('plain HTTP on the port is refused, and does not disturb others', async (t) => {
  const { port } = await serve(t, ec)
  const socket = connectTcp(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n')
  socket.resume()
  await new Promise((resolve) => socket.once('close', resolve))
  t.equal(await presented(port), fingerprintOf(ec))
})

t.test('a client that does not finish its handshake is cut off', async (t) => {
  const { port } = await serve(t, ec, { headersTimeout: 100 })
  const silent = connectTcp(port, '127.0.0.1')
  silent.on('error', () => {})
  silent.resume()
  await new Promise((resolve) => silent.once('close', resolve))
  t.pass('the server closed it')
})

/** A connection that is used for one request after another, as a proxy does. */
async function keptAlive(t: Test, port: number) {
  const agent = new https.Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false, servername: 'localhost' })
  t.teardown(() => agent.destroy())
  const ask = () =>
    new Promise<{ status: number | undefined; socket: TLSSocket }>((resolve, reject) => {
      https
        .get({ host: '127.0.0.1', port, agent, headers: { host: 'localhost' } }, (answer) => {
          const socket = answer.socket as TLSSocket
          answer.resume().once('end', () => resolve({ status: answer.statusCode, socket }))
        })
        .once('error', reject)
    })
  const { socket } = await ask()
  return {
    /** Whether the same connection has answered once more. */
    goesOn: async () => {
      // The agent gets the connection back a moment after the answer has ended.
      await new Promise((resolve) => setImmediate(resolve))
      const next = await ask()
      return next.status === 200 && next.socket === socket
    },
  }
}

t.test('a new pair is used for new connections, and no connection is dropped', async (t) => {
  const served = await serve(t, ec)
  const { port, certFile, keyFile, check, logged } = served
  const open = await keptAlive(t, port)
  const next = selfSigned({ kind: 'rsa', validTo: Date.UTC(2031, 1, 2) })
  await check()
  t.same(logged(), [], 'nothing has changed')

  // As ACME clients do it: each file is replaced by a rename, one after the other.
  const replace = (file: string, text: string) => {
    writeFileSync(`${file}.new`, text)
    renameSync(`${file}.new`, file)
  }
  replace(certFile, next.cert)
  await check()
  t.equal(await presented(port), fingerprintOf(ec), 'the key is still that of the former certificate')
  replace(keyFile, next.key)
  await check()
  t.equal(await presented(port), fingerprintOf(ec), 'they may still change')
  t.same(logged(), [], 'a check between the two files is not worth a warning')
  await check()
  t.equal(await presented(port), fingerprintOf(next))
  t.match(logged(), [
    { level: 30, msg: 'A new TLS certificate is in use.', validTo: 'Feb  2 00:00:00 2031 GMT', names: 'DNS:localhost' },
  ])
  t.ok(await open.goesOn(), 'the connection from before')
  const weak = { maxVersion: 'TLSv1.2', ciphers: 'AES128-GCM-SHA256:AES128-SHA:@SECLEVEL=0' } as const
  t.match(await handshake(port, weak), /^refused: .*_ALERT_/, 'the rules are those of before')
  t.match(await handshake(port, { maxVersion: 'TLSv1.2' }), 'TLSv1.2 ECDHE-RSA-AES128-GCM-SHA256')
})

t.test('a folder that is switched by a link, as in Kubernetes', async (t) => {
  const folder = folderOf(t)
  const put = (name: string, { cert, key }: { cert: string; key: string }) => {
    mkdirSync(join(folder, name))
    writeFileSync(join(folder, name, 'tls.crt'), cert)
    writeFileSync(join(folder, name, 'tls.key'), key)
  }
  put('..one', ec)
  put('..two', rsa)
  symlinkSync('..one', join(folder, '..data'))
  for (const file of ['tls.crt', 'tls.key']) symlinkSync(join('..data', file), join(folder, file))
  const { port, check } = await serveFiles(t, join(folder, 'tls.crt'), join(folder, 'tls.key'))
  symlinkSync('..two', join(folder, '..data.new'))
  renameSync(join(folder, '..data.new'), join(folder, '..data'))
  await check()
  await check()
  t.equal(await presented(port), fingerprintOf(rsa))
})

t.test('files that cannot be used change nothing, and are reported once', async (t) => {
  const served = await serve(t, ec)
  const { port, certFile, keyFile, check, logged } = served
  const open = await keptAlive(t, port)
  const next = selfSigned({})
  const states: Record<string, () => void> = {
    'half a certificate': () => writeFileSync(certFile, next.cert.slice(0, next.cert.length / 2)),
    'half a chain': () => writeFileSync(certFile, `${ec.cert}${next.cert.slice(0, next.cert.length / 2)}`),
    'another certificate': () => writeFileSync(certFile, next.cert),
    'an empty certificate': () => truncateSync(certFile),
    'no certificate': () => rmSync(certFile),
    'half a key': () => {
      writeFileSync(certFile, next.cert)
      writeFileSync(keyFile, next.key.slice(0, 100))
    },
    'a key in place of the certificate': () => {
      writeFileSync(certFile, next.key)
      writeFileSync(keyFile, next.key)
    },
    'an empty key': () => writeFileSync(keyFile, ''),
    'a folder': () => {
      rmSync(keyFile)
      mkdirSync(keyFile)
    },
  }
  for (const [name, change] of Object.entries(states)) {
    change()
    for (let checks = 0; checks < 3; checks++) await check()
    t.equal(await presented(port), fingerprintOf(ec), name)
    t.equal(logged().length, 1, name)
  }
  t.match(logged(), [
    { level: 40, msg: /The previous certificate stays in use/, err: { message: /cert\.pem cannot be used/ } },
  ])
  for (const secret of [next.key, ec.key]) t.notMatch(JSON.stringify(logged()), secret.split('\n')[1])
  t.ok(await open.goesOn())

  rmSync(keyFile, { recursive: true })
  writeFileSync(certFile, next.cert)
  writeFileSync(keyFile, next.key)
  await check()
  await check()
  t.equal(await presented(port), fingerprintOf(next), 'as soon as both are good')
  writeFileSync(keyFile, ec.key)
  for (let checks = 0; checks < 3; checks++) await check()
  t.match(
    logged()[2],
    { level: 40, err: { message: /The key in .*key\.pem is not that of the certificate/ } },
    'the next fault is reported again',
  )
})

t.test('a file that is being written is not used, even where a part of it would do', async (t) => {
  const { port, certFile, check } = await serve(t, ec)
  writeFileSync(certFile, `${ec.cert}${rsa.cert}`)
  await check()
  writeFileSync(certFile, `${ec.cert}${rsa.cert}${rsa.cert}`)
  await check()
  await check()
  t.equal(await presented(port), fingerprintOf(ec))
})

t.test('the timer stops with the server', async (t) => {
  const { close, isStopped } = await serve(t, ec)
  t.notOk(isStopped())
  await close()
  t.ok(isStopped())
})

t.test('files that cannot be used stop the start, with the reason', async (t) => {
  const folder = folderOf(t)
  await t.rejects(serveFiles(t, join(folder, 'none.pem'), join(folder, 'none.pem')), {
    name: 'TlsFilesFault',
    message: /none\.pem cannot be read: it does not exist/,
  })
  await t.rejects(serve(t, { cert: ec.cert, key: rsa.key }), { message: /is not that of the certificate/ })
  await t.rejects(serve(t, { cert: 'x', key: ec.key }), { message: /cert\.pem cannot be used/ })
})
