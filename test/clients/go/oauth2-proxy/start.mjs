// oauth2-proxy with the configuration file that its page "OpenID Connect" shows, in front of an application that
// answers with the headers that it received.
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'

const { ISSUER, CLIENT_ID, CLIENT_SECRET, BASE_URL, PORT } = process.env

const upstream = createServer(({ headers }, response) => {
  response.setHeader('content-type', 'application/json')
  response.end(
    JSON.stringify({
      sub: headers['x-forwarded-user'],
      email: headers['x-forwarded-email'],
      preferred_username: headers['x-forwarded-preferred-username'],
    }),
  )
})

upstream.listen(0, '127.0.0.1', () => {
  writeFileSync(
    'oauth2-proxy.cfg',
    `provider = "oidc"
redirect_url = "${BASE_URL}/oauth2/callback"
oidc_issuer_url = "${ISSUER}"
upstreams = [ "http://127.0.0.1:${upstream.address().port}" ]
email_domains = [ "*" ]
client_id = "${CLIENT_ID}"
client_secret = "${CLIENT_SECRET}"
pass_access_token = true
cookie_secret = "${randomBytes(16).toString('hex')}"
cookie_secure = false
skip_provider_button = true
http_address = "127.0.0.1:${PORT}"
code_challenge_method = "S256"
`,
  )
  const proxy = spawn('./oauth2-proxy', ['--config', 'oauth2-proxy.cfg'], { stdio: 'inherit' })
  proxy.once('exit', (code) => process.exit(code ?? 1))
})
