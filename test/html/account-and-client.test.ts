import { h } from 'preact'
import t from 'tap'
import { shownName } from '../../src/html/account-and-client.tsx'
import { renderPage } from '../../src/html/send-page.ts'
import { ConsentPage } from '../../src/pages/consent/consent-page.tsx'
import { SignInPage } from '../../src/pages/sign-in/sign-in-page.tsx'
import { ConfirmLogoutPage } from '../../src/pages/sign-out/confirm-logout-page.tsx'
import { SignedOutPage } from '../../src/pages/sign-out/signed-out-page.tsx'
import { documentHost } from '../../src/records/clients/document-host.ts'
import type { ClientId } from '../../src/records/ids.ts'
import { pageContext } from './sample-pages.tsx'

t.test('characters that reverse the direction of a name or hide in it are removed', async (t) => {
  t.equal(shownName('\u202Enigol\u202C'), 'nigol')
  t.equal(shownName('a\u2066b\u2067c\u2068d\u2069e\u200Ef\u200Fg\u061C'), 'abcdefg')
  t.equal(shownName('  a\r\n\tb\u0000c \u2028 d '), 'a b c d')
})

t.test('a name is truncated between visible characters, however long it is', async (t) => {
  t.equal(shownName('x'.repeat(80)), 'x'.repeat(80))
  t.equal(shownName('x'.repeat(81)), `${'x'.repeat(79)}…`)
  t.equal(shownName('👩‍👩‍👧'.repeat(90)), `${'👩‍👩‍👧'.repeat(79)}…`, 'no family emoji is split')
  t.ok(shownName('e\u0301'.repeat(1_000_000)).length <= 160)
})

t.test('an honest name stays unchanged', async (t) => {
  for (const name of ['Ada Lovelace', 'ارتباط', 'דוגמה', "O'Neil & Søn <Ltd>", '山田 太郎', 'नमस्ते', 'دانش‌آموز'])
    t.equal(shownName(name), name)
})

const page = pageContext('en')
const client = { name: 'Claude Code', isSelfRegistered: true, documentHost: 'claude.ai' }
const consent = {
  ...{
    page,
    client,
    csrf: 'c',
    continueTo: 's',
    account: { name: 'Ada' },
    accountProof: 'p',
    scopes: [],
    resources: [],
  },
  ...{ redirectHost: '127.0.0.1:8090', remembers: false, otherAccountHref: '/sign-in' },
}
const textOf = (html: string) => html.replace(/<[^>]*>/g, '')

t.test(
  'a client with a document is called by its host, and its name appears only where it is called unverified',
  (t) => {
    for (const [name, html] of Object.entries({
      consent: renderPage(h(ConsentPage, { ...consent, client: { ...client, clientUri: 'https://x.example/' } })),
      'sign-in': renderPage(h(SignInPage, { page, csrf: 'c', client })),
      'confirm logout': renderPage(h(ConfirmLogoutPage, { page, csrf: 'c', client, account: { name: 'Ada' } })),
      'signed out': renderPage(h(SignedOutPage, { page, client, returnHref: 'https://claude.ai/' })),
    })) {
      t.equal(html.split('Claude Code').length, 2, `${name}: once`)
      t.match(textOf(html), /calls itself Claude Code\. Signet has verified its address, but not this name\./, name)
      t.match(html, '<bdi class="host">claude.ai</bdi>', name)
      t.notMatch(html, 'registered itself', name)
    }
    const html = renderPage(h(ConsentPage, consent))
    t.match(
      textOf(html.slice(html.indexOf('<h1>'))),
      /^Give claude\.ai access\?You will return to 127\.0\.0\.1:8090 either way\./,
    )
    t.end()
  },
)

t.test('a document without a name claims none', (t) => {
  const nameless = { ...client, name: 'app.example', documentHost: 'app.example:8443' }
  const html = textOf(renderPage(h(ConsentPage, { ...consent, client: nameless })))
  t.match(html, 'Signet has verified the address of this application, and nothing else.')
  t.notMatch(html, 'calls itself')
  t.end()
})

t.test('the logo of a document is shown beside the unverified name, never beside the host', (t) => {
  const html = renderPage(h(ConsentPage, { ...consent, client: { ...client, logo: '/logos/x?client_id=y' } }))
  t.equal(html.split('class="logo"').length, 2, 'once')
  t.match(html, /<div class="claimed"><img class="logo"/)
  t.match(textOf(html), 'Signet has verified its address, but not this name or the logo.')
  t.end()
})

t.test('the host of a document is shown from its first to its last character', (t) => {
  const documentHost = `claude.ai.${'a'.repeat(60)}.${'b'.repeat(60)}.${'c'.repeat(60)}.evil.example:8443`
  for (const html of [
    renderPage(h(ConsentPage, { ...consent, client: { ...client, documentHost } })),
    renderPage(h(SignInPage, { page, csrf: 'c', client: { ...client, documentHost } })),
  ])
    t.match(html, `<bdi class="host">${documentHost}</bdi>`)
  t.end()
})

t.test('a program on the device is warned about only if nothing but its address identifies it', (t) => {
  const warned = (more: object) =>
    /runs on your device, where Signet cannot tell it from other programs/.test(
      textOf(renderPage(h(ConsentPage, { ...consent, ...more }))),
    )
  t.ok(warned({ isOnDevice: true }))
  t.notOk(warned({ isOnDevice: false }))
  t.end()
})

t.test('the host of a document is in ASCII, and only a client that nobody vouches for has one', (t) => {
  const hostOf = (id: string, isSelfRegistered = true) => documentHost({ client_id: id as ClientId, isSelfRegistered })
  t.equal(hostOf('https://claude.ai/oauth/client'), 'claude.ai')
  t.equal(hostOf('https://app.example:8443/a'), 'app.example:8443')
  t.equal(hostOf('https://\u0441laude.ai/a'), 'xn--laude-0ye.ai', 'with a Cyrillic letter')
  t.equal(hostOf('client_abc'), undefined)
  t.equal(hostOf('https://claude.ai/oauth/client', false), undefined, 'an operator has registered it')
  t.end()
})
