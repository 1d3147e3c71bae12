import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import https from 'node:https'
import net, { type AddressInfo, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { judgeCertificate, readCertificate } from '../../../src/cli/doctor/check-certificate.ts'
import { checkLogo, checkTlsFiles } from '../../../src/cli/doctor/check-files.ts'
import { judgeMetadata } from '../../../src/cli/doctor/check-metadata.ts'
import { checkOutside } from '../../../src/cli/doctor/check-outside.ts'
import { sendRequest } from '../../../src/cli/doctor/http-request.ts'
import { reasonOf } from '../../../src/cli/doctor/reason.ts'
import { packageFolder } from '../../../src/platform/config/installation-folder.ts'
import { readSettings } from '../../../src/platform/config/settings.ts'
import { selfSigned } from './certificate.ts'

const never = new AbortController().signal
const day = 86_400_000

async function portOf(t: Test, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return (server.address() as AddressInfo).port
}

/** What the doctor finds if the server at the issuer's address responds like this. */
async function examineAnswer(t: Test, answer: RequestListener) {
  const issuer = `http://127.0.0.1:${await portOf(t, createServer(answer))}`
  const settings = readSettings({ SIGNET_ISSUER: issuer }, '/nowhere')
  const findings = await checkOutside({
    ...{ settings, base: issuer, published: [], database: undefined, stopSignal: never, now: Date.now },
  })
  return { issuer, findings, metadata: findings.find(({ check }) => check === 'metadata') }
}

t.test('any response at the issuer is read up to a limit and described in words', async (t) => {
  const cases: [string, RequestListener, RegExp][] = [
    ['an endless response', (_, response) => pour(response), /too long for metadata/],
    [
      'a decompression bomb',
      (_, response) => response.setHeader('content-encoding', 'gzip').end(gzipSync(Buffer.alloc(9e6))),
      /too long for/,
    ],
    ['rubbish', (_, response) => response.end('<html>Welcome'), /not a JSON object/],
    ['null', (_, response) => response.end('null'), /not a JSON object/],
    ['a list', (_, response) => response.end('[]'), /not a JSON object/],
    [
      'another host',
      (_, response) => response.writeHead(302, { location: 'https://a.example/x' }).end(),
      /redirect to "https:\/\/a/,
    ],
    ['a proxy without a server', (_, response) => response.writeHead(502).end(), /proxy responds \(status 502\)/],
    ['another program', (_, response) => response.writeHead(404).end(), /status 404/],
    [
      'another issuer',
      (_, response) => response.end('{"issuer":"https://a.example"}'),
      /Its issuer is "https:\/\/a.example"/,
    ],
    ['an issuer that is not a string', (_, response) => response.end('{"issuer":["x"]}'), /Its issuer is none/],
    [
      'a cut connection',
      (request) => request.socket.destroy(),
      /does not respond: (?:the connection was closed|socket hang up)/,
    ],
  ]
  for (const [name, answer, words] of cases) {
    const { findings, metadata } = await examineAnswer(t, answer)
    t.match(metadata, { status: 'bad', finding: words, advice: /\w/ }, name)
    t.ok(
      findings.every(({ check, status }) => check === 'metadata' || status === 'skipped'),
      `${name}: the other checks are skipped`,
    )
  }
})

function pour(response: Parameters<RequestListener>[1]): void {
  const more = () => response.write(Buffer.alloc(65_536, 'x'), (error) => !error && more())
  more()
}

t.test('JSON of any shape is described as what it is, and does not crash the doctor', async (t) => {
  const noText = '{"toString":1,"valueOf":1}'
  const deep = `${'['.repeat(50_000)}${']'.repeat(50_000)}`
  for (const [odd, keySet, readiness, endpoint] of [
    [noText, /keys that the database does not publish/, /^A node is not ready/, /token_endpoint is none/],
    [deep, /not a JWK Set/, /status 503/, /not a JSON object/],
  ] as const) {
    const { findings } = await examineAnswer(t, ({ url, headers: { host } }, response) => {
      if (url?.endsWith('/openid-configuration')) return response.end(`{"issuer":"http://${host}"}`)
      if (url?.endsWith('/jwks.json')) return response.end(`{"keys":[{"kid":${odd}}]}`)
      return response.writeHead(503).end(`{"problems":[${odd}]}`)
    })
    const told = (name: string) => findings.find(({ check }) => check === name)
    t.match(told('jwk-set'), { status: 'bad', finding: keySet })
    t.match(told('readiness'), { status: 'bad', finding: readiness })
    const { metadata } = await examineAnswer(t, ({ headers: { host } }, response) =>
      response.end(`{"issuer":"http://${host}","token_endpoint":${odd}}`),
    )
    t.match(metadata, { status: 'bad', finding: endpoint })
  }
})

t.test('the issuer must match exactly, and its endpoints must be its own', async (t) => {
  const issuer = 'https://id.example'
  const judge = (metadata: object) =>
    judgeMetadata(
      { status: 200, headers: {}, text: JSON.stringify(metadata), sentAt: 0, receivedAt: 0, from: '' },
      issuer,
      issuer,
    )
  t.equal(judge({ issuer, jwks_uri: `${issuer}/jwks`, token_endpoint: `${issuer}/token` }).status, 'good')
  t.match(judge({ issuer: `${issuer}/` }), { status: 'bad', finding: /"https:\/\/id.example\/"/ })
  t.match(judge({ issuer, jwks_uri: 'https://id.example.evil/jwks' }), { status: 'bad', finding: /jwks_uri is "https/ })
  t.match(judge({ issuer, token_endpoint: 7 }), { status: 'bad', finding: /token_endpoint is none/ })
})

t.test('with --url the findings name that address, and checks that need the issuer itself are skipped', async (t) => {
  const issuer = 'https://id.example'
  const port = await portOf(
    t,
    createServer((_, response) => void response.end(JSON.stringify({ issuer }))),
  )
  const base = `http://127.0.0.1:${port}`
  const environment = { SIGNET_ISSUER: issuer, SIGNET_DATABASE_URL: 'postgres://me@127.0.0.1:1/x' }
  const findings = await checkOutside({
    ...{ settings: readSettings(environment, '/nowhere'), base, stopSignal: never, now: Date.now },
    ...{ published: undefined, database: undefined },
  })
  const told = (name: string) => findings.find(({ check }) => check === name)
  t.match(told('metadata'), {
    status: 'good',
    finding: `${base}/.well-known/openid-configuration responds with the issuer ${issuer}.`,
  })
  t.match(told('plain-http'), { status: 'skipped', finding: 'Not checked with --url.' })
})

t.test('a silent server times out, and one that does not speak HTTP is reported as such', async (t) => {
  const silent = await portOf(
    t,
    net.createServer((socket) => void socket.on('error', () => {})),
  )
  const question = { as: 'http://id.example', stopSignal: never, now: Date.now }
  const why = (url: string, more = {}) => sendRequest(url, { ...question, ...more }).catch(reasonOf)
  t.equal(await why(`http://127.0.0.1:${silent}`, { timeout: 50 }), 'no response within 5 s')
  const slow = await portOf(
    t,
    createServer((_, response) => void response.write('{')),
  )
  t.equal(await why(`http://127.0.0.1:${slow}`, { timeout: 200 }), 'no response within 5 s')
  const mute = await portOf(
    t,
    net.createServer((socket) => void socket.on('error', () => {}).end('SSH-2.0-x\r\n')),
  )
  t.equal(await why(`http://127.0.0.1:${mute}`), 'the server does not use HTTP')
  t.equal(await why(`https://127.0.0.1:${mute}`), 'the server does not use TLS')
  t.match(reasonOf(Object.assign(new Error('x'), { code: 'ENOTFOUND' })), /no address \(DNS\)/)
  t.notMatch(reasonOf(new Error('bad postgres://me:secret@db/x')), /secret/)
})

t.test('a bad certificate is reported with its fault', async (t) => {
  const seen = async (certificate: { cert: string; key: string }, issuer = 'https://localhost') => {
    const port = await portOf(t, https.createServer(certificate))
    return judgeCertificate(await readCertificate(`https://127.0.0.1:${port}`, issuer, never), Date.now())
  }
  const expired = selfSigned({ validFrom: Date.now() - 9 * day, validTo: Date.now() - day })
  t.match(await seen(expired), { status: 'bad', finding: /^It expired on / })
  t.match(await seen(selfSigned({ validFrom: Date.now() + day, validTo: Date.now() + 2 * day })), {
    finding: /not valid before/,
  })
  t.match(await seen(selfSigned({})), { status: 'bad', finding: /self-signed/ })

  const presented = { host: 'id.example', fault: undefined, validFrom: 0, validTo: 100 * day, names: 'DNS:a.example' }
  t.match(judgeCertificate(presented, 79 * day), { status: 'good', finding: /another 21 days/ })
  t.match(judgeCertificate(presented, 79 * day + 1), { status: 'warning', finding: /another 20 days/ })
  for (const [fault, words] of [
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'not for id.example, but for DNS:a.example'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'Intermediate certificates are missing'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'does not trust the certificate authority'],
    ['CERT_REVOKED', 'not trusted: CERT_REVOKED'],
  ] as const)
    t.match(judgeCertificate({ ...presented, fault }, day), { status: 'bad', finding: words })
})

t.test('an untrusted certificate is the finding, and no request is sent behind it', async (t) => {
  const port = await portOf(t, https.createServer(selfSigned({})))
  const base = `https://localhost:${port}`
  const settings = readSettings({ SIGNET_ISSUER: base }, '/nowhere')
  const outside = { settings, base, published: [], database: undefined, stopSignal: never, now: Date.now }
  const [certificate, ...rest] = await checkOutside(outside)
  t.match(certificate, { check: 'certificate', status: 'bad' })
  t.ok(rest.every(({ status }) => status === 'skipped'))
})

t.test('a certificate and a key file that do not match are found before the server starts', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'signet-test-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const [one, other] = [selfSigned({ name: 'id.example' }), selfSigned({ name: 'id.example' })]
  const tls = { certFile: join(folder, 'cert.pem'), keyFile: join(folder, 'key.pem') }
  const judged = (issuer: string) => checkTlsFiles({ tls, issuer })
  t.match(await judged('https://id.example'), { status: 'bad', finding: /cert.pem cannot be used: it does not exist/ })
  writeFileSync(tls.certFile, one.cert)
  writeFileSync(tls.keyFile, other.key)
  t.match(await judged('https://id.example'), { status: 'bad', finding: /not the key of/ })
  writeFileSync(tls.keyFile, one.key)
  t.match(await judged('https://other.example'), { status: 'bad', finding: /not for other.example/ })
  t.match(await judged('https://id.example'), { status: 'good' })
  writeFileSync(tls.certFile, `${one.cert}-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n`)
  t.match(await judged('https://id.example'), { status: 'bad', finding: /cert.pem cannot be used/ }, 'a broken chain')
})

t.test('a logo that would stop a server is found', async (t) => {
  t.match(await checkLogo({ logo: undefined, name: 'Acme' }), { status: 'skipped' })
  const logo = join(packageFolder, 'public/signet.svg')
  t.match(await checkLogo({ logo, name: 'Acme' }), { status: 'good', finding: /signet\.svg is image\/svg\+xml, \d KB/ })
  const notOne = join(packageFolder, 'package.json')
  t.match(await checkLogo({ logo: notOne, name: 'Acme' }), {
    status: 'bad',
    finding: `${notOne} cannot be used: it is not a PNG, JPEG, WebP or SVG file.`,
  })
})
