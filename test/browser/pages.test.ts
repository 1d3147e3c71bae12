// Own process: it takes long.
import axe from 'axe-core'
import type { BrowserContext, Page } from 'playwright-core'
import t from 'tap'
import { renderPage } from '../../src/html/send-page.ts'
import { brandWith, samplePage, samplePages } from '../html/sample-pages.tsx'
import { sharedChromium } from './shared-chromium.ts'
import { focusOn, openTab, showPage, widthsThatBreak } from './show-page.ts'

const browser = await sharedChromium()
const samples = Object.entries(samplePages('en')).map(([name, node]) => [name, renderPage(node)] as const)
const german = Object.entries(samplePages('de')).map(([name, node]) => [`${name} (de)`, renderPage(node)] as const)
const screens = { phone: { width: 390, height: 844 }, desktop: { width: 1280, height: 800 } }

/** WCAG 1.4.10: the width that remains of 1280 pixels at 400 %. */
const narrow = { width: 320, height: 256 }

/** Each screen and each scheme once: the colours of a scheme are the same on both screens, and have their own test below. */
const views = [
  ['phone', 'dark'],
  ['desktop', 'light'],
] as const

/** A page that submits itself or goes on would be gone before it could be examined. */
const still = (html: string) => html.replace(/\/assets\/(?:form-post|sign-out)\.js/, '/assets/show-password.js')

/**
 * A context in which each page has axe. The browser compiles an init script once. To evaluate it in a page takes longer than what it is for.
 * Colours that fade from one scheme to the other would be measured half way.
 */
async function contextWithAxe(): Promise<BrowserContext> {
  const context = await browser.newContext({ reducedMotion: 'reduce' })
  await context.addInitScript({ content: axe.source })
  return context
}

/** What axe reports as serious or critical, one line each. */
async function barriers(page: Page, rules?: 'colours'): Promise<string[]> {
  const options = { preload: false, resultTypes: ['violations'], ...(rules && { runOnly: ['color-contrast'] }) }
  const { violations } = await page.evaluate<axe.AxeResults>(`axe.run(document, ${JSON.stringify(options)})`)
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`))
}

t.test('axe reports a barrier where there is one', async (t) => {
  const context = await contextWithAxe()
  const html = renderPage(samplePage('sign-in')).replace('<label for="username">', '<label>')
  const { page } = await showPage(context, html.replace('class="card"', 'class="card" style="color: #999"'))
  t.match(await barriers(page), [/^label: <input .*username/])
  await context.close()
})

/** Hostile and other variants have the same elements as their page, so they are examined on one screen only. */
const viewsOf = (name: string) => (name.includes(',') ? views.slice(0, 1) : views)

t.test('no page has a serious barrier, breaks the policy, or has anything too low to press or too wide', async (t) => {
  const context = await contextWithAxe()
  const show = await openTab(context)
  for (const [name, html] of samples) {
    const { page, complaints } = await show(still(html))
    for (const [screen, colorScheme] of viewsOf(name)) {
      await page.setViewportSize(screens[screen])
      await page.emulateMedia({ colorScheme })
      // The second time only the colours are new.
      const rules = screen === 'desktop' ? 'colours' : undefined
      t.same(await barriers(page, rules), [], `${name}, ${screen}, ${colorScheme}`)
      if (screen === 'phone') t.same(await tooLow(page), [], `${name}: at least 44 pixels high`)
    }
    await page.setViewportSize(narrow)
    await page.evaluate(() => document.documentElement.setAttribute('dir', 'rtl'))
    t.same(await page.evaluate(tooWide), [], `${name}, right to left, is as wide as a narrow screen`)
    t.same(complaints, [], name)
  }
  await context.close()
})

/** Elements to press that are lower than a finger needs. */
function tooLow(page: Page): Promise<string[]> {
  return page
    .locator('a, button, input:not([type=hidden], [hidden], [type=checkbox]), label:has([type=checkbox])')
    .evaluateAll((elements) =>
      elements.filter((element) => element.getBoundingClientRect().height < 44).map(({ outerHTML }) => outerHTML),
    )
}

t.test('colours have enough contrast in both schemes: text 4.5 to 1, edges 3 to 1 (WCAG 1.4.3, 1.4.11)', async (t) => {
  const text: [string, string][] = [
    ...['card', 'paper', 'circle', 'tint'].flatMap((ground): [string, string][] => [
      ['ink', ground],
      ['quiet', ground],
      ['accent', ground],
      ['accent-deep', ground],
    ]),
    ['on-fill', 'fill'],
    ['on-fill', 'fill-deep'],
    ['fault', 'fault-tint'],
    ['fault', 'card'],
  ]
  const edges: [string, string][] = [
    ['edge', 'card'],
    ['fault', 'card'],
    ['accent', 'card'],
    ['accent', 'paper'],
  ]
  for (const colorScheme of ['light', 'dark'] as const) {
    const context = await browser.newContext({ colorScheme })
    const { page } = await showPage(context, samples[0]?.[1] ?? '')
    const colours = await page.evaluate(() => {
      const style = getComputedStyle(document.documentElement)
      return Object.fromEntries(
        Array.from(document.styleSheets[0]?.cssRules ?? [])
          .filter((rule) => rule instanceof CSSStyleRule && rule.selectorText === ':root')
          .flatMap((rule) => (rule instanceof CSSStyleRule ? Array.from(rule.style) : []))
          .map((name) => [name.slice(2), style.getPropertyValue(name).trim()]),
      )
    })
    for (const [pairs, least] of [[text, 4.5] as const, [edges, 3] as const])
      for (const [front, ground] of pairs) {
        const ratio = contrast(colours[front] ?? '', colours[ground] ?? '')
        t.ok(ratio >= least, `${colorScheme}: ${front} on ${ground} is ${ratio.toFixed(2)} to 1`)
      }
    await context.close()
  }
})

t.test('a brand with a logo of any shape, a long name and any colour adds no barrier', async (t) => {
  const picture = (width: number, height: number) => ({
    bytes: Buffer.from(
      `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}"><path d="M0 0h900v900z"/></svg>`,
    ),
    contentType: 'image/svg+xml',
    extension: 'svg',
  })
  const links = {
    helpUrl: 'mailto:help@acme.example',
    privacyUrl: 'https://acme.example/p',
    termsUrl: 'https://acme.example/t',
  }
  const brands = {
    'light colour, wide logo': brandWith({ name: 'Acme', accentColor: '#ffee88', ...links }, picture(900, 60)),
    'dark colour, tall logo, long name': brandWith(
      { name: 'W'.repeat(60), accentColor: '#0b1f4d', ...links },
      picture(40, 400),
    ),
    'a colour like that of faults, name only': brandWith({ name: 'دانشگاه تهران', accentColor: '#d32f2f' }),
  }
  for (const [about, brand] of Object.entries(brands)) {
    const context = await contextWithAxe()
    const show = await openTab(context, brand.assets)
    // A start page, forms, those with the links to terms and privacy policy among them, and a long page: header and footer are the same everywhere.
    for (const name of ['home', 'sign-in', 'sign-up', 'invitation', 'account']) {
      const { page, complaints } = await show(renderPage(samplePage(name, 'de', brand)))
      for (const [screen, colorScheme] of views) {
        await page.setViewportSize(screens[screen])
        await page.emulateMedia({ colorScheme })
        const rules = screen === 'desktop' ? 'colours' : undefined
        t.same(await barriers(page, rules), [], `${about}: ${name}, ${screen}, ${colorScheme}`)
        if (screen === 'phone') t.same(await tooLow(page), [], `${about}: ${name}: at least 44 pixels high`)
      }
      await page.setViewportSize(narrow)
      t.same(await page.evaluate(tooWide), [], `${about}: ${name} is as wide as a narrow screen`)
      t.same(complaints, [], name)
      const logos = await page
        .locator('.brand-logo')
        .evaluateAll((images) =>
          images.map((image) =>
            image instanceof HTMLImageElement && image.complete && image.naturalWidth > 0 ? 'shown' : 'missing',
          ),
        )
      t.same(logos, brand.logo ? ['shown'] : [], name)
    }
    await context.close()
  }
})

t.test('nothing is wider than a narrow screen in German, which has the longest words', async (t) => {
  const context = await browser.newContext({ viewport: narrow })
  const show = await openTab(context)
  for (const [name, html] of german) {
    const { page } = await show(still(html))
    t.same(await page.evaluate(tooWide), [], name)
  }
  await context.close()
})

t.test('the keyboard moves through the sign-in page in reading order, with a visible focus', async (t) => {
  const context = await browser.newContext()
  const { page } = await showPage(context, renderPage(samplePage('sign-in')))
  const order: string[] = []
  await focusOn(page, 'username')
  for (let step = 0; step < 4; step++) {
    const { id, outline } = await page.evaluate(() => ({
      id: document.activeElement?.id || document.activeElement?.getAttribute('type') || '',
      outline: getComputedStyle(document.activeElement ?? document.body).outlineStyle,
    }))
    t.equal(outline, 'solid', id)
    order.push(id)
    await page.keyboard.press('Tab')
  }
  t.same(order, ['username', 'password', 'checkbox', 'sign-in'])
  await context.close()
})

t.test('printed pages show nothing to press, and dark text', async (t) => {
  const context = await browser.newContext({ colorScheme: 'dark' })
  const { page } = await showPage(context, renderPage(samplePage('error')))
  await page.emulateMedia({ media: 'print' })
  t.equal(await page.locator('.button').isVisible(), false)
  t.equal(await page.locator('h1').evaluate((h1) => getComputedStyle(h1).color), 'rgb(0, 0, 0)')
  await context.close()
})

t.test('the consent buttons are visible without scrolling, however much is requested', async (t) => {
  for (const viewport of [screens.phone, { width: 1280, height: 900 }]) {
    const context = await browser.newContext({ viewport })
    const { page, sent } = await showPage(context, renderPage(samplePage('consent, everything')))
    t.ok(
      await page.evaluate(() => document.documentElement.scrollHeight > innerHeight),
      'the page is longer than the screen',
    )
    for (const id of ['allow', 'deny'])
      t.ok(await page.locator(`#${id}`).evaluate((button) => button.getBoundingClientRect().bottom <= innerHeight), id)
    // Whatever has keyboard focus is not hidden behind the buttons (WCAG 2.4.11).
    const link = page.locator('.links a').first()
    await link.focus()
    const [linkBox, choiceBox] = [await link.boundingBox(), await page.locator('.choice').boundingBox()]
    t.ok((linkBox?.y ?? NaN) + (linkBox?.height ?? NaN) <= (choiceBox?.y ?? NaN))
    await page.click('#deny')
    t.match(sent, [{ method: 'POST' }])
    await context.close()
  }
})

t.test('nobody can allow access without having seen where it leads and for which account', async (t) => {
  const sizes = [
    ...[screens.phone, { width: 1280, height: 900 }, { width: 1280, height: 720 }],
    ...[
      { width: 800, height: 480 },
      { width: 320, height: 800 },
    ],
  ]
  const context = await browser.newContext()
  for (const language of ['en', 'de'] as const) {
    const { page } = await showPage(context, renderPage(samplePage('consent, everything', language)))
    for (const viewport of sizes) {
      await page.setViewportSize(viewport)
      const size = `${language}, ${viewport.width}x${viewport.height}`
      const boxOf = (selector: string) =>
        page.locator(selector).evaluate((element) => {
          const { top, bottom } = element.getBoundingClientRect()
          return { top, bottom }
        })
      const [allow, deny, scopes] = [await boxOf('#allow'), await boxOf('#deny'), await boxOf('#scopes')]
      for (const selector of ['.host', '.account']) {
        const { bottom } = await boxOf(selector)
        t.ok(bottom <= allow.top && bottom <= scopes.top, `${size}: ${selector}`)
      }
      // Two rows of buttons would cover too much of the page.
      const position = await page.locator('.choice').evaluate((choice) => getComputedStyle(choice).position)
      if (allow.top !== deny.top) t.equal(position, 'static', size)
    }
    await page.close()
  }
  await context.close()
})

t.test('an address that is shown in part stays on one line, on a screen of any width', async (t) => {
  const context = await browser.newContext()
  for (const language of ['en', 'de'] as const) {
    const { page } = await showPage(context, renderPage(samplePage('undo-email-change', language)))
    t.same(await widthsThatBreak(page), [], language)
    await page.close()
  }
  await context.close()
})

t.test('nobody can allow a device without having seen its code, and who may have sent it', async (t) => {
  const context = await browser.newContext()
  for (const language of ['en', 'de'] as const) {
    const { page } = await showPage(context, renderPage(samplePage('device consent', language)))
    for (const viewport of [screens.phone, { width: 320, height: 700 }, { width: 1280, height: 720 }]) {
      await page.setViewportSize(viewport)
      const boxOf = (selector: string) =>
        page.locator(selector).evaluate((element) => {
          const { top, bottom } = element.getBoundingClientRect()
          return { top, bottom }
        })
      const { top: allow } = await boxOf('#allow')
      for (const selector of ['.user-code', '.warning']) {
        const { bottom } = await boxOf(selector)
        t.ok(
          bottom <= allow,
          `${language}, ${viewport.width}x${viewport.height}: ${selector} ends at ${bottom}, #allow begins at ${allow}`,
        )
      }
    }
    await page.close()
  }
  await context.close()
})

/** Elements that are wider than the screen. Runs in the page. */
function tooWide(): string[] {
  const { scrollWidth, clientWidth } = document.documentElement
  const outside = Array.from(document.body.querySelectorAll('*:not(.unseen)')).filter((element) => {
    const { left, right } = element.getBoundingClientRect()
    return right > clientWidth + 1 || left < -1
  })
  return [
    ...(scrollWidth > clientWidth ? [`the page: ${scrollWidth} of ${clientWidth}`] : []),
    ...outside.map((element) => element.outerHTML.slice(0, 120)),
  ]
}

/** WCAG 2.2, "contrast ratio" and "relative luminance", of two colours as `#rrggbb`. */
function contrast(one: string, other: string): number {
  const luminance = (colour: string) => {
    const [r = NaN, g = NaN, b = NaN] = (colour.match(/[0-9a-f]{2}/gi) ?? []).map((pair) => {
      const part = Number.parseInt(pair, 16) / 255
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
    })
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const [dark = NaN, light = NaN] = [luminance(one), luminance(other)].sort((a, b) => a - b)
  return (light + 0.05) / (dark + 0.05)
}
