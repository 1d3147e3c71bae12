// Apache with the configuration that the README of mod_auth_openidc shows, in front of an application that answers with the headers that
// it received. Debian's packages are unpacked here, not installed, so no service of the system starts or changes.
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const { ISSUER, CLIENT_ID, CLIENT_SECRET, BASE_URL, PORT } = process.env

const upstream = createServer(({ headers, url }, response) => {
  if (url === '/sign-out') {
    const logout = encodeURIComponent(`${BASE_URL}/`)
    return response.writeHead(302, { location: `${BASE_URL}/secure/redirect_uri?logout=${logout}` }).end()
  }
  response.setHeader('content-type', 'application/json')
  const claim = (name) => headers[`oidc_claim_${name}`]
  response.end(JSON.stringify({ sub: claim('sub'), name: claim('name'), email: claim('email') }))
})

upstream.listen(0, '127.0.0.1', () => {
  const root = join(import.meta.dirname, 'root')
  const [library] = readdirSync(join(root, 'usr/lib'))
    .filter((name) => name.includes('-linux-'))
    .map((name) => join(root, 'usr/lib', name))
  const modules = ['authn_core', 'authz_core', 'authz_user', 'mpm_event', 'proxy', 'proxy_http', 'auth_openidc']
  // Started by root, Apache changes to another user, who must have access.
  const folder = mkdtempSync(join(tmpdir(), 'apache-'))
  chmodSync(folder, 0o755)
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(
    join(folder, 'httpd.conf'),
    `ServerRoot "${folder}"
ServerName localhost
DefaultRuntimeDir "${folder}"
PidFile "${folder}/httpd.pid"
ErrorLog "|/bin/cat"
Listen 127.0.0.1:${PORT}
${process.getuid() === 0 ? 'User nobody\nGroup nogroup' : ''}
${modules.map((name) => `LoadModule ${name}_module "${root}/usr/lib/apache2/modules/mod_${name}.so"`).join('\n')}

OIDCProviderMetadataURL ${ISSUER}/.well-known/openid-configuration
OIDCClientID ${CLIENT_ID}
OIDCClientSecret ${CLIENT_SECRET}
# OIDCRedirectURI is a vanity URL that must point to a path protected by this module but must NOT point to any content
OIDCRedirectURI ${BASE_URL}/secure/redirect_uri
OIDCCryptoPassphrase ${randomBytes(16).toString('hex')}
# By default it asks for openid alone, and learns neither name nor address.
OIDCScope "openid profile email"

<Location /secure>
   AuthType openid-connect
   Require valid-user
   ProxyPass "http://127.0.0.1:${upstream.address().port}"
</Location>
`,
  )
  const apache = spawn(join(root, 'usr/sbin/apache2'), ['-D', 'FOREGROUND', '-f', join(folder, 'httpd.conf')], {
    stdio: 'inherit',
    env: { ...process.env, LD_LIBRARY_PATH: library },
  })
  apache.once('exit', (code) => process.exit(code ?? 1))
  process.once('SIGTERM', () => apache.kill())
})
