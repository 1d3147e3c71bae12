// Miniflux with its documented variables for OpenID Connect, on a PostgreSQL of its own. Miniflux shows its user on a page only, so this
// server passes requests on to it, and answers /me with the user name on that page.
import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, chownSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const { ISSUER, CLIENT_ID, CLIENT_SECRET, BASE_URL, PORT } = process.env

const folder = mkdtempSync(join(tmpdir(), 'miniflux-'))
// PostgreSQL does not run as root.
const isRoot = process.getuid() === 0
const nobody = isRoot ? Number(execFileSync('id', ['-u', 'nobody'])) : undefined
if (isRoot) {
  chmodSync(folder, 0o755)
  chownSync(folder, nobody, nobody)
}
const account = isRoot ? { uid: nobody, gid: nobody } : {}
const data = join(folder, 'data')
execFileSync('initdb', ['-D', data, '-U', 'miniflux', '-A', 'trust', '-N'], {
  ...account,
  cwd: folder,
  stdio: 'ignore',
})
const postgres = spawn('postgres', ['-D', data, '-k', folder, '-c', 'listen_addresses=', '-F'], {
  ...account,
  cwd: folder,
  stdio: 'ignore',
})

let miniflux
const stop = () => {
  miniflux?.kill()
  postgres.kill('SIGINT')
}
process.once('SIGTERM', stop)
postgres.once('exit', () => {
  miniflux?.kill()
  rmSync(folder, { recursive: true, force: true })
  process.exit()
})

const socket = join(folder, 'miniflux.sock')
const env = {
  ...process.env,
  PORT: undefined,
  DATABASE_URL: `host=${folder} user=miniflux dbname=postgres sslmode=disable`,
  RUN_MIGRATIONS: '1',
  LISTEN_ADDR: socket,
  BASE_URL,
  DISABLE_SCHEDULER_SERVICE: '1',
  OAUTH2_PROVIDER: 'oidc',
  OAUTH2_CLIENT_ID: CLIENT_ID,
  OAUTH2_CLIENT_SECRET: CLIENT_SECRET,
  OAUTH2_REDIRECT_URL: `${BASE_URL}/oauth2/oidc/callback`,
  OAUTH2_OIDC_DISCOVERY_ENDPOINT: ISSUER,
  OAUTH2_USER_CREATION: '1',
}

// It ends if the database is not ready yet, and is started again.
const startMiniflux = () => {
  miniflux = spawn('./miniflux.app', { env, stdio: 'inherit' })
  miniflux.once('exit', () => setTimeout(startMiniflux, 500))
}
startMiniflux()

/** Sends a request to Miniflux. */
const pass = ({ url: path, method, headers }, onResponse) =>
  request({ socketPath: socket, path, method, headers }, onResponse)

createServer((incoming, outgoing) => {
  if (incoming.url === '/me')
    pass({ url: '/settings', method: 'GET', headers: { cookie: incoming.headers.cookie ?? '' } }, (page) => {
      let html = ''
      page.on('data', (chunk) => (html += chunk))
      page.on('end', () => {
        const [, username] = /title="Logged in as ([^"]*)"/.exec(html) ?? []
        outgoing.setHeader('content-type', 'application/json').end(JSON.stringify({ username }))
      })
    })
      .on('error', () => outgoing.destroy())
      .end()
  else
    incoming.pipe(
      pass(incoming, (answer) => {
        outgoing.writeHead(answer.statusCode, answer.headers)
        answer.pipe(outgoing)
      }).on('error', () => outgoing.destroy()),
    )
}).listen(Number(PORT), '127.0.0.1')
