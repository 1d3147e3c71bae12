import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import t from 'tap'
import { readSettings } from '../../src/platform/config/settings.ts'
import { start } from '../../src/start.ts'
import { startSignet } from '../support/idp.ts'

const folder = mkdtempSync(join(tmpdir(), 'signet-brand-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))
const fileWith = (name: string, content: string) => {
  writeFileSync(join(folder, name), content)
  return join(folder, name)
}
const drawing = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><path d="M0 0h8v8z"/></svg>'
const acme = {
  SIGNET_NAME: 'Acme & <Sons>',
  SIGNET_LOGO: fileWith('logo.png', drawing),
  SIGNET_ACCENT_COLOR: '#FFCC00',
  SIGNET_HELP_URL: 'mailto:help@acme.example',
  SIGNET_TERMS_URL: 'https://acme.example/terms',
}
const idp = await startSignet(t, acme)
const get = (path: string, headers: Record<string, string> = {}) =>
  fetch(`${idp.issuer}${path}`, { headers: { accept: 'text/html', ...headers } })
const html = await (await get('/')).text()
const [logoPath = '', stylePath = ''] = [
  /<img class="brand-logo" src="([^"]+)"/.exec(html)?.[1],
  /<link rel="stylesheet" href="(\/assets\/brand\/[^"]+)"/.exec(html)?.[1],
]

t.test('a logo that cannot be used stops the start before anything is created', async (t) => {
  // Nothing listens there: the logo is read first.
  const environment = {
    ...acme,
    SIGNET_DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none',
    SIGNET_KEYS_DIR: join(folder, 'keys'),
  }
  const html = fileWith('page.png', '<!doctype html><script>alert(1)</script>')
  for (const [file, why] of [
    [html, 'it is not a PNG, JPEG, WebP or SVG file.'],
    [join(folder, 'none.svg'), 'it cannot be read (ENOENT).'],
    [folder, 'it is not a file.'],
  ] as const)
    await t.rejects(start(readSettings({ ...environment, SIGNET_LOGO: file }, folder), pino({ level: 'silent' })), {
      message: `Invalid settings:\n  - SIGNET_LOGO: ${file} cannot be used: ${why}`,
    })
})

t.test('pages keep their Content-Security-Policy, and everything they load is on our own origin', async (t) => {
  const policy =
    "default-src 'none';style-src 'self';script-src 'self';img-src 'self';base-uri 'none';frame-ancestors 'none'"
  for (const path of ['/', '/sign-in', '/sign-up', '/no-such-page', '/authorize']) {
    const response = await get(path)
    t.equal(response.headers.get('content-security-policy'), policy, path)
    const page = await response.text()
    t.match(page, '<bdi>Acme &amp; &lt;Sons></bdi>', path)
    t.match(page, 'Acme &amp; &lt;Sons></title>', path)
    t.notMatch(page, /<style|\sstyle=/, path)
    t.match(page, stylePath, path)
  }
  t.match(await (await get('/errors')).text(), logoPath)
})

t.test('the page for a wrong method has the brand, too', async (t) => {
  const response = await get('/logout/confirm')
  t.equal(response.status, 405)
  t.match(await response.text(), logoPath)
})

t.test('the files may be cached for a year, and are not sent twice', async (t) => {
  for (const [path, type] of [
    [logoPath, 'image/svg+xml'],
    [stylePath, 'text/css; charset=utf-8'],
  ] as const) {
    const first = await get(path)
    t.equal(first.status, 200, path)
    t.equal(first.headers.get('content-type'), type)
    t.equal(first.headers.get('cache-control'), 'public, max-age=31536000, immutable')
    t.equal(first.headers.get('x-content-type-options'), 'nosniff')
    t.equal(first.headers.get('set-cookie'), null)
    const etag = first.headers.get('etag') ?? ''
    for (const known of [etag, `W/${etag}`, `"other", ${etag}`, '*'])
      t.equal((await get(path, { 'if-none-match': known })).status, 304, known)
    t.equal((await get(path, { 'if-none-match': '"other"' })).status, 200)
    t.equal((await fetch(`${idp.issuer}${path}`, { method: 'HEAD' })).headers.get('etag'), etag)
  }
  t.equal(await (await get(logoPath)).text(), drawing)
  t.match(await (await get(stylePath)).text(), '--fill: #ffcc00;')
})

t.test('a drawing that is opened as a document can run no script', async (t) => {
  const policy = (await get(logoPath)).headers.get('content-security-policy') ?? ''
  t.same(policy.split(';').sort(), [
    "default-src 'none'",
    "frame-ancestors 'none'",
    'sandbox',
    "style-src 'unsafe-inline'",
  ])
})

t.test('other paths lead to no file', async (t) => {
  for (const path of [
    'logo.png',
    '../signet.css',
    '%2e%2e%2fsignet.css',
    '..%2f..%2fpackage.json',
    '%00',
    'constructor',
    '',
  ]) {
    const response = await get(`/assets/brand/${path}`)
    t.ok([400, 404].includes(response.status) || path.startsWith('../'), path)
    if (!path.startsWith('../')) t.equal(response.headers.get('cache-control'), 'no-store', path)
  }
})

t.test('a second process can have another brand', async (t) => {
  const other = await idp.another({
    SIGNET_NAME: 'Globex',
    SIGNET_LOGO: '',
    SIGNET_ACCENT_COLOR: '',
    SIGNET_TERMS_URL: '',
  })
  const base = `http://127.0.0.1:${other.signet.settings.port}`
  const page = await (await fetch(base)).text()
  t.match(page, '<p class="brand-name"><bdi>Globex</bdi></p>')
  t.notMatch(page, /Acme|\/assets\/brand\/|terms/)
  const unknown = await fetch(`${base}${logoPath}`)
  t.equal(unknown.status, 404)
  t.equal(unknown.headers.get('cache-control'), 'no-store', 'so that a shared cache does not keep it')
  t.match(await (await get('/')).text(), 'Acme')
})

t.test('the log says where the accent colour had too little contrast', async (t) => {
  t.match(idp.logged(), 'SIGNET_ACCENT_COLOR #ffcc00 has too little contrast for text in the light scheme')
  t.notMatch(idp.logged(), 'in the dark scheme')
})
