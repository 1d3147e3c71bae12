import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { serveHttps, serverAuthority, serverName } from '../../support/https-server.ts'

const folder = mkdtempSync(join(tmpdir(), 'signet-certificates-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))
const authorityFile = join(folder, 'authority.pem')
writeFileSync(authorityFile, serverAuthority)

/** Node reads these variables when it starts, so the request is made in a process of its own. */
async function fetchWith(port: number, environment: Record<string, string>): Promise<string> {
  const module = new URL('../../../src/platform/outgoing/outgoing.js', import.meta.url)
  const program = `
    const { createOutgoing } = await import(${JSON.stringify(module.href)})
    const settings = { issuer: 'https://id.example', port: 1, allowPrivateNetworks: ['127.0.0.1'] }
    const outgoing = createOutgoing({ settings, resolve: async () => ['127.0.0.1'] })
    const url = 'https://${serverName}:${port}/'
    await outgoing.get(url, { accept: '*/*', maxBytes: 100 }).then(
      ({ body }) => console.log(String(body)),
      (error) => console.log(error.message),
    )`
  const { NODE_OPTIONS: _options, ...inherited } = process.env
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program], {
    env: { ...inherited, ...environment },
  })
  return stdout.trim()
}

t.test(
  'certificates of NODE_EXTRA_CA_CERTS are trusted, and NODE_TLS_REJECT_UNAUTHORIZED does not switch the check off',
  async (t) => {
    const server = await serveHttps(t, (_request, reply) => reply.end('a document'))
    const untrusted = 'the request failed (DEPTH_ZERO_SELF_SIGNED_CERT)'
    t.equal(await fetchWith(server.port, {}), untrusted)
    t.equal(await fetchWith(server.port, { NODE_TLS_REJECT_UNAUTHORIZED: '0' }), untrusted)
    t.same(server.asked, [])
    t.equal(await fetchWith(server.port, { NODE_EXTRA_CA_CERTS: authorityFile }), 'a document')
  },
)
