import { h } from 'preact'
import t from 'tap'
import { renderPage } from '../../src/html/send-page.ts'
import { FormPostPage } from '../../src/interaction/form-post-page.tsx'
import { pageContext, samplePage } from '../html/sample-pages.tsx'
import { sharedChromium } from './shared-chromium.ts'
import { origin, showPage } from './show-page.ts'

const browser = await sharedChromium()
const html = (name: string) => renderPage(samplePage(name))
const response = renderPage(
  h(FormPostPage, {
    page: pageContext('en'),
    action: 'https://notes.example/callback',
    parameters: [
      ['code', `c"'<&>`],
      ['submit', 'a field name that shadows form.submit()'],
      ['iss', origin],
    ],
  }),
)
const delivered = {
  url: 'https://notes.example/callback',
  method: 'POST',
  parameters: [
    ['code', `c"'<&>`],
    ['submit', 'a field name that shadows form.submit()'],
    ['iss', origin],
  ],
}

t.test('without scripts a person can still sign in, consent and return', async (t) => {
  const context = await browser.newContext({ javaScriptEnabled: false })
  const signIn = await showPage(context, html('sign-in'))
  await signIn.page.fill('#username', 'ada@example.com')
  await signIn.page.fill('#password', 'correct horse')
  await signIn.page.keyboard.press('Enter')
  await signIn.page.waitForURL(`${origin}/sign-in`)
  const credentials = [
    ['csrf', 'csrf-token'],
    ['continue', 'sealed-request'],
    ['username', 'ada@example.com'],
    ['password', 'correct horse'],
    ['sign-in', ''],
  ]
  t.same(signIn.sent, [{ url: `${origin}/sign-in`, method: 'POST', parameters: credentials }])

  const again = await showPage(context, html('sign-in, continue as'))
  await again.page.click('#continue-as')
  await again.page.waitForURL(`${origin}/sign-in`)
  t.match(again.sent[0]?.parameters, [
    ['csrf', 'csrf-token'],
    ['select', '1'],
  ])

  for (const decision of ['allow', 'deny']) {
    const consent = await showPage(context, html('consent'))
    await consent.page.click(`#${decision}`)
    await consent.page.waitForURL(`${origin}/consent`)
    t.same(consent.sent[0]?.parameters.at(-1), ['decision', decision])
  }

  const back = await showPage(context, response)
  t.same(back.sent, [], 'it waits for the button')
  await back.page.click('button')
  await back.page.waitForURL('https://notes.example/callback')
  t.same(back.sent, [delivered])
  await context.close()
})

t.test('the typed address is carried from sign-in to sign-up, without scripts too', async (t) => {
  const context = await browser.newContext({ javaScriptEnabled: false })
  const { page, sent } = await showPage(context, html('sign-in'))
  await page.fill('#username', 'ada@example.com')
  await page.click('#to-sign-up')
  await page.waitForURL(`${origin}/sign-up`)
  t.match(
    sent,
    [{ method: 'POST' }],
    'it appears in no URL in clear text, and the empty password does not get in the way',
  )
  t.same(sent[0]?.parameters.slice(1), [
    ['continue', 'sealed-request'],
    ['username', 'ada@example.com'],
    ['password', ''],
    ['from', 'sign-in'],
  ])
  await context.close()
})

t.test("times are shown in the browser's time zone, unless the profile has one", async (t) => {
  const context = await browser.newContext({ timezoneId: 'Asia/Tokyo' })
  const times = async (page: string) =>
    (await showPage(context, html(page))).page.locator('main time').allTextContents()
  t.match(await times('account, sessions, many'), [/GMT\+9/], 'the zone in the profile is unknown')
  t.match(await times('account, sessions'), [/GMT|BST/], 'the profile has one')
  await context.close()
})

t.test('without scripts nothing is offered that needs a script', async (t) => {
  const context = await browser.newContext({ javaScriptEnabled: false })
  const { page } = await showPage(context, html('sign-in'))
  t.equal(await page.locator('.reveal').isVisible(), false)
  await context.close()
})

t.test('the response submits itself, once', async (t) => {
  const context = await browser.newContext()
  const { page, sent, complaints } = await showPage(context, response)
  await page.waitForURL('https://notes.example/callback')
  t.same(sent, [delivered])
  t.same(complaints, [])
  await context.close()
})

t.test('a password can be shown, is submitted as a password, and the box is not submitted', async (t) => {
  const context = await browser.newContext()
  const { page, sent, complaints } = await showPage(context, html('sign-in'))
  const type = () => page.locator('#password').getAttribute('type')
  await page.fill('#username', 'ada')
  await page.fill('#password', 'correct horse')
  t.equal(await type(), 'password')
  await page.getByLabel('Show password').check()
  t.equal(await type(), 'text')
  await page.getByLabel('Show password').uncheck()
  t.equal(await type(), 'password')
  await page.getByLabel('Show password').check()
  const typeWhenSent = page.evaluate(
    () =>
      new Promise((resolve) => {
        window.addEventListener('submit', () => resolve(document.getElementById('password')?.getAttribute('type')))
      }),
  )
  await page.click('#sign-in', { noWaitAfter: true })
  t.equal(await typeWhenSent, 'password')
  await page.waitForURL(`${origin}/sign-in`)
  t.same(
    sent[0]?.parameters.map(([name]) => name),
    ['csrf', 'continue', 'username', 'password', 'sign-in'],
  )
  t.same(complaints, [])
  await context.close()
})
