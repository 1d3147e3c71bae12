import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { queueMail } from '../../src/operations/queue-mail.ts'
import { loadExample } from '../support/example.ts'
import { startSignet } from '../support/idp.ts'
import { newestMailTo } from '../support/mails.ts'

const { createMails } = await loadExample<typeof import('../../examples/mails/mails.js')>('mails/mails.js')
const origin = 'http://localhost:4003'
const host = 'localhost:4003'

/** A page of mails over a folder of its own. */
function mailsOver(files: Readonly<Record<string, string>>) {
  const parent = mkdtempSync(join(tmpdir(), 'signet-demo-mails-'))
  t.teardown(() => rmSync(parent, { recursive: true, force: true }))
  const folder = join(parent, 'mail')
  mkdirSync(folder)
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content)
  const app = createMails({ folder, origin })
  t.teardown(() => app.close())
  return { folder, get: (url: string, headers = {}) => app.inject({ url, headers: { host, ...headers } }) }
}

const message = (html: string) =>
  ['From: a@localhost', 'To: b@example.com', 'Subject: Hello', 'Content-Type: text/html', '', html].join('\r\n')

t.test('a website that makes its name point to this machine cannot read the mails', async (t) => {
  const { get } = mailsOver({ '2026-11-30-test.eml': message('<p>secret') })
  for (const url of ['/', '/mails/2026-11-30-test', '/mails/2026-11-30-test/html'])
    for (const foreign of ['evil.example', 'evil.example:4003', '127.0.0.1:4003', '']) {
      const answer = await get(url, { host: foreign })
      t.equal(answer.statusCode, 421)
      t.notMatch(answer.body, /secret|example\.com/)
    }
  t.equal((await get('/mails/2026-11-30-test/html')).statusCode, 200)
})

t.test('only whole mails in the folder are shown: nothing outside of it, no draft, no link to a file', async (t) => {
  const { folder, get } = mailsOver({ '.2026-11-30-test': message('draft'), 'notes.txt': message('no mail') })
  const outside = join(folder, '..', 'outside.eml')
  writeFileSync(outside, message('outside'))
  symlinkSync(outside, join(folder, 'linked.eml'))
  mkdirSync(join(folder, 'folder.eml'))
  t.match((await get('/')).body, 'There are no mails yet.')
  const names = ['../outside', 'linked', 'folder', '.2026-11-30-test', 'notes', 'notes.txt', '%00', '']
  for (const name of names.flatMap((one) => [one, encodeURIComponent(one)]))
    for (const part of ['', '/html']) t.equal((await get(`/mails/${name}${part}`)).statusCode, 404, name + part)
})

t.test('a folder that does not exist yet is an empty one', async (t) => {
  const { folder, get } = mailsOver({})
  rmSync(folder, { recursive: true })
  t.match(await get('/'), { statusCode: 200, body: /There are no mails yet/ })
})

t.test('markup in a mail stays in its frame, which runs no script, submits nothing and loads nothing', async (t) => {
  const script = '<script>alert(1)</script>'
  const { get } = mailsOver({
    '2026-11-30-a.eml': message(`<html><head></head><body>${script}</body></html>`).replace('Hello', script),
    '2026-11-30-b.eml': '\u0000\u00ff no mail at all',
    '2026-11-30-c.eml': '',
  })
  for (const url of ['/', '/mails/2026-11-30-a']) {
    const { body, headers } = await get(url)
    t.notMatch(body, script)
    t.match(body, '&#60;script&#62;')
    t.notMatch(headers['content-security-policy'], /script-src|unsafe-inline/)
  }
  t.match((await get('/mails/2026-11-30-a')).body, 'sandbox="allow-popups allow-popups-to-escape-sandbox"')
  const frame = await get('/mails/2026-11-30-a/html')
  t.equal(
    frame.headers['content-security-policy'],
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox",
  )
  for (const name of ['b', 'c']) t.equal((await get(`/mails/2026-11-30-${name}`)).statusCode, 200, 'a damaged file')
})

t.test('a mail that Signet has written is listed, the newest first, with its link in both parts', async (t) => {
  const idp = await startSignet(t)
  const link = `${idp.issuer}/recover/password?token=abc`
  const to = 'ada@example.com'
  const { mail } = idp.signet.settings
  const app = createMails({ folder: mail.delivery === 'files' ? mail.folder : '', origin })
  t.teardown(() => app.close())
  const get = async (url: string) => (await app.inject({ url, headers: { host } })).body
  for (const one of [{ kind: 'test' }, { kind: 'recovery', link, minutes: 30 }] as const) {
    await queueMail(idp.signet.database, idp.signet, { to, locale: 'en', mail: one })
    await newestMailTo(idp, to)
  }
  const list = await get('/')
  t.match(list, /Set a new password for Signet[\s\S]*Test e-mail from Signet/)
  const [, page = ''] = /<a href="(\/mails\/[^"]+)">Set a new password/.exec(list) ?? []
  t.match(await get(page), `<a href="${link}" target="_blank" rel="noopener noreferrer">${link}</a>`)
  t.match(await get(`${page}/html`), `<base target="_blank">`)
  t.match(await get(`${page}/html`), `<a href="${link}"`)
})
