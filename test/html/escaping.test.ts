import { h } from 'preact'
import t from 'tap'
import { ErrorPage } from '../../src/html/error-page.tsx'
import { renderPage } from '../../src/html/send-page.ts'
import { FormPostPage } from '../../src/interaction/form-post-page.tsx'
import { SignInPage } from '../../src/pages/sign-in/sign-in-page.tsx'
import { SignedOutPage } from '../../src/pages/sign-out/signed-out-page.tsx'
import { markup, pageContext, samplePages } from './sample-pages.tsx'

const page = pageContext('en')
const pages = ['en', 'de'].flatMap((language) =>
  Object.entries(samplePages(language)).map(([name, node]) => [`${name} (${language})`, renderPage(node)] as const),
)
/** The tags of a document. Attribute values are quoted and cannot contain a quote, so a tag ends at a `>` outside quotes. */
const tagsOf = (html: string) => html.match(/<[a-z!/](?:"[^"]*"|[^">])*>/gi) ?? []

t.test('a name that contains markup is rendered as text, in elements and in attributes', async (t) => {
  const hostile = pages.filter(([, html]) => html.includes('alert('))
  t.ok(hostile.length >= 6, 'there are pages that show it')
  for (const [name, html] of hostile) {
    t.notOk(html.includes(markup), name)
    t.notOk(
      tagsOf(html).some((tag) => /onerror\s*=|alert/i.test(tag.replace(/"[^"]*"/g, ''))),
      name,
    )
  }
})

t.test('no page has an inline script, style or handler, which Content-Security-Policy would block', async (t) => {
  for (const [name, html] of pages)
    for (const tag of tagsOf(html)) {
      if (/^<script/i.test(tag))
        t.match(tag, /^<script src="\/assets\/(?:inspect\/|webauthn\/)?[a-z-]+\.js" defer>$/, name)
      t.notMatch(tag, /^<style/i, name)
      t.notMatch(tag.replace(/"[^"]*"/g, '""'), /\s(style|on[a-z]+)=/i, name)
    }
})

t.test('links that a client registers are shown only if they are https', async (t) => {
  for (const uri of [
    'javascript:alert(1)',
    'JaVaScRiPt:alert(1)',
    'data:text/html,x',
    'http://notes.example/',
    '//x',
    'notes',
  ]) {
    const client = { name: 'Notes', clientUri: uri, policyUri: uri, tosUri: uri, logo: uri }
    const html = renderPage(h(SignInPage, { page, csrf: 'c', client }))
    t.notOk(html.includes(`="${uri}`), uri)
    t.notMatch(html, /<footer|class="logo"/, uri)
  }
  const [logo, tosUri] = ['/logos/version?client_id=a', 'https://notes.example/terms']
  const html = renderPage(h(SignInPage, { page, csrf: 'c', client: { name: 'Notes', logo, tosUri } }))
  t.match(html, `<img class="logo" src="${logo}" alt width="40" height="40"/>`)
  t.match(html, `<a href="${tosUri}" target="_blank" rel="noopener noreferrer">`)
})

t.test('no link or form target of a page leads to a script', async (t) => {
  const href = 'javascript:alert(1)'
  const error = { page, status: 400, title: 'T', description: 'D', requestId: 'r' }
  t.notMatch(renderPage(h(ErrorPage, { ...error, nextLink: { href, label: 'On' } })), 'javascript:')
  t.notMatch(renderPage(h(SignedOutPage, { page, returnHref: href })), 'javascript:')
  t.notMatch(renderPage(h(SignInPage, { page, csrf: 'c', cancelHref: href })), 'javascript:')
  t.throws(() => renderPage(h(FormPostPage, { page, action: href, parameters: [['code', 'c']] })), TypeError)
})

t.test('a form_post page contains exactly the given response, parameter by parameter', async (t) => {
  const html = renderPage(
    h(FormPostPage, {
      page,
      action: 'https://notes.example/callback?a=1&b=2',
      parameters: [
        ['code', 'a"b<c&d'],
        ['state', '{host}'],
      ],
    }),
  )
  t.match(html, '<form method="post" action="https://notes.example/callback?a=1&amp;b=2"')
  t.match(html, '<input type="hidden" name="code" value="a&quot;b&lt;c&amp;d"/>')
  t.match(html, '<input type="hidden" name="state" value="{host}"/>')
  t.equal(html.match(/<input/g)?.length, 2)
  t.notMatch(html, /<button[^>]* name=/, 'the button must not be a third parameter')
})

t.test('a page never contains a password that was typed', async (t) => {
  for (const [name, html] of pages)
    for (const tag of tagsOf(html)) if (tag.includes('type="password"')) t.notMatch(tag, /value=/, name)
})

t.test('every page is a complete document in its language with one heading', async (t) => {
  for (const [name, html] of pages) {
    t.ok(html.startsWith(`<!doctype html>\n<html lang="${name.endsWith('(de)') ? 'de' : 'en'}">`), name)
    t.equal(html.match(/<h1>/g)?.length, 1, name)
    t.match(html, /<title>[^<]+ – Signet<\/title>|<title>Signet<\/title>/, name)
  }
})
