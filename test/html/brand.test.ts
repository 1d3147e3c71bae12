import t from 'tap'
import { renderPage } from '../../src/html/send-page.ts'
import { brandWith, markup, samplePage, samplePages } from './sample-pages.tsx'

const links = {
  helpUrl: 'mailto:help@acme.example',
  privacyUrl: 'https://acme.example/privacy?a=1&b=2',
  termsUrl: 'https://acme.example/terms',
}
const logo = { bytes: Buffer.from('<svg/>'), contentType: 'image/svg+xml', extension: 'svg' }
const acme = brandWith({ name: 'Acme', accentColor: '#ffcc00', ...links }, logo)
const textOf = (html: string) => html.replace(/<[^>]*>/g, '').replace(/\s+/g, ' ')

t.test('a name that contains markup is rendered as text on every page, in titles too', async (t) => {
  const hostile = brandWith({ name: markup.slice(0, 60), ...links }, logo)
  for (const [name, node] of Object.entries(samplePages('en', hostile))) {
    const html = renderPage(node)
    t.notMatch(html, /<script>|<img src=x/, name)
    t.match(html, /<title>([^<]+ – )?&quot;>&lt;script>/, name)
    t.equal(html.match(/<title>/g)?.length, 1, name)
  }
})

t.test('every page shows name, logo and links, and nothing inline', async (t) => {
  for (const language of ['en', 'de'])
    for (const [name, node] of Object.entries(samplePages(language, acme))) {
      const html = renderPage(node)
      t.match(html, /<title>([^<]+ – )?Acme<\/title>/, name)
      t.match(
        html,
        `<img class="brand-logo" src="${acme.logo?.href}" alt/>`,
        `${name}: decorative, because the name follows`,
      )
      t.match(html, '<p class="brand-name"><bdi>Acme</bdi></p>', name)
      t.match(html, `<link rel="stylesheet" href="${acme.styleHref}"/>`, name)
      t.notMatch(html, /<style|\sstyle=/, name)
      t.equal(html.match(/<footer/g)?.length, 1, `${name}: one footer`)
      const footer = /<footer.*<\/footer>/s.exec(html)?.[0] ?? ''
      t.match(footer, '<a href="mailto:help@acme.example">', name)
      t.match(
        footer,
        '<a href="https://acme.example/privacy?a=1&amp;b=2" target="_blank" rel="noopener noreferrer">',
        name,
      )
      t.match(textOf(footer), language === 'en' ? /Help\s*Privacy policy/ : /Hilfe\s*Datenschutzerklärung/, name)
      t.notMatch(html, '/assets/signet.svg', name)
    }
})

t.test('without settings there is the seal, and no footer of our own', async (t) => {
  const html = renderPage(samplePage('sign-in, alone'))
  t.match(html, '<header class="seal"><img src="/assets/signet.svg" alt="Signet" width="80" height="80"/></header>')
  t.notMatch(html, /<footer|\/assets\/brand\//)
  t.notMatch(renderPage(samplePage('sign-up')), 'By creating')
})

t.test('the sign-up page and that of an invitation name what is set, before the button', async (t) => {
  for (const sample of ['sign-up', 'invitation']) {
    const textWith = (settings: object) => textOf(renderPage(samplePage(sample, 'en', brandWith(settings))))
    t.match(
      textWith(links),
      /By creating an account you accept the terms of use .*The privacy policy .* says how your data is used\.Create account/,
    )
    t.notMatch(textWith({ privacyUrl: links.privacyUrl }), 'you accept')
    t.notMatch(textWith({ termsUrl: links.termsUrl }), 'says how')
  }
})

t.test('the start page is for people first', async (t) => {
  const text = textOf(renderPage(samplePage('home', 'en', acme)))
  t.match(text, /Your Acme account.*Sign in.*Create an account.*Get help.*For developers.*OpenID Connect metadata/)
  const signedIn = textOf(renderPage(samplePage('home, signed in', 'de', acme)))
  t.match(signedIn, /Ihr Konto bei Acme.*Zu Ihrem Konto.*Abmelden.*Hilfe erhalten.*Für die Entwicklung/)
  t.notMatch(signedIn, 'Konto erstellen')
})

t.test('the addresses of the files change with their content, and only then', async (t) => {
  t.equal(brandWith({ accentColor: '#ffcc00' }).styleHref, acme.styleHref)
  t.not(brandWith({ accentColor: '#ffcc01' }).styleHref, acme.styleHref)
  const other = brandWith({}, { ...logo, bytes: Buffer.from('<svg />') })
  t.not(other.logo?.href, acme.logo?.href)
  t.match(acme.logo?.href, /^\/assets\/brand\/[0-9a-f]{20}\.svg$/)
})
