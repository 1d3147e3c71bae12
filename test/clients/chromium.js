import { chromium } from './built.js'

/** @typedef {import('./trial.js').Subject} Subject */
/** @typedef {import('./trial.js').Step} Step */

/** @type {Promise<import('playwright-core').Browser> | undefined} */
let launched

/**
 * A single-page application in a real browser. The page has the buttons `sign-in`, `refresh` and `sign-out`; while somebody is signed in,
 * `me` contains the person as JSON, and after a refresh `refreshed` says "ok".
 *
 * @param {Subject} subject
 * @returns {AsyncGenerator<Step>}
 */
export async function* signInWithChromium({ trial, origin, person, signet }) {
  // Playwright would end this process after a SIGINT, and leave the rest running.
  launched ??= chromium().then(({ launchChromium }) => launchChromium(undefined, { handleSIGINT: false }))
  const context = await (await launched).newContext()
  const tab = await context.newPage()
  tab.on('console', (message) => message.type() === 'error' && process.stderr.write(`${message.text()}\n`))
  try {
    /** @type {Record<string, unknown>} */
    let me = {}
    yield [
      'sign in',
      async () => {
        await tab.goto(origin + trial.login)
        await tab.click('#sign-in')
        await tab.waitForURL((url) => url.origin === signet.issuer)
        await tab.fill('#username', person.username)
        await tab.fill('#password', person.password)
        await tab.click('#sign-in')
        await tab.click('#allow')
        me = JSON.parse((await tab.textContent('#me')) ?? '')
        if (me['sub'] !== person.sub) throw new Error(`signed in as ${JSON.stringify(me['sub'])}`)
      },
    ]
    yield [
      'name and e-mail',
      async () => {
        if (me['name'] !== person.name || me['email'] !== person.email)
          throw new Error(`the application sees ${JSON.stringify(me)}`)
      },
    ]
    if (trial.refresh)
      yield [
        'refresh',
        async () => {
          await tab.click('#refresh')
          const text = await tab.textContent('#refreshed')
          if (text !== 'ok') throw new Error(text ?? '')
        },
      ]
    if (trial.logout)
      yield [
        'sign out',
        async () => {
          await tab.click('#sign-out')
          await tab.waitForURL((url) => url.origin === origin)
          await tab.waitForSelector('#sign-in')
          if ((await tab.locator('#me').count()) > 0) throw new Error('the person is still signed in')
        },
      ]
  } finally {
    await context.close()
  }
}

/** Closes the browser, if one was started. */
export async function closeChromium() {
  await (await launched)?.close()
}
