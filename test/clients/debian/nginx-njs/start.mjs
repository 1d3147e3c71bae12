// nginx with the configuration that `signet clients create --for nginx-njs` printed, in front of an API that answers with the header that
// it received. Debian's packages are unpacked here, not installed, so no service of the system starts or changes.
import { spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const { ISSUER, CONFIGURATION, PORT } = process.env
const configuration = JSON.parse(CONFIGURATION)

const upstream = createServer(({ headers }, response) => {
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify({ sub: headers['x-user'] }))
})

upstream.listen(0, '127.0.0.1', () => {
  const root = join(import.meta.dirname, 'root')
  // Started by root, nginx changes to another user, who must have access.
  const folder = mkdtempSync(join(tmpdir(), 'nginx-'))
  chmodSync(folder, 0o755)
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))

  // A DNS server does not have to know localhost, and nginx does not read /etc/hosts.
  const address = ISSUER.replace('//localhost:', '//127.0.0.1:')
  writeFileSync(
    join(folder, 'oauth2.js'),
    replaced(configuration['oauth2.js'], `${ISSUER}/introspect`, `${address}/introspect`),
  )

  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${name};`)
  let text = configuration['nginx.conf']
  text = replaced(text, 'http {', `http {\n  access_log off;\n  ${temporary.join('\n  ')}`)
  text = replaced(text, 'server {', `server {\n      listen 127.0.0.1:${PORT};`)
  text = replaced(text, 'http://127.0.0.1:8080', `http://127.0.0.1:${upstream.address().port}`)
  writeFileSync(
    join(folder, 'nginx.conf'),
    `load_module ${root}/usr/lib/nginx/modules/ngx_http_js_module.so;
daemon off;
pid nginx.pid;
lock_file nginx.lock;
error_log stderr;
events {}
${text}`,
  )
  const nginx = spawn(join(root, 'usr/sbin/nginx'), ['-p', folder, '-c', join(folder, 'nginx.conf')], {
    stdio: 'inherit',
  })
  nginx.once('exit', (code) => process.exit(code ?? 1))
  process.once('SIGTERM', () => nginx.kill())
})

function replaced(text, from, to) {
  if (!text.includes(from)) throw new Error(`The configuration does not contain: ${from}`)
  return text.replace(from, () => to)
}
