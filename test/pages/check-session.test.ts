import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createContext, runInContext } from 'node:vm'
import t from 'tap'
import { sessionStateOf } from '../../src/interaction/session-state.ts'
import { packageFolder } from '../../src/platform/config/installation-folder.ts'
import { digest } from '../../src/platform/secrets/digest.ts'

const source = readFileSync(join(packageFolder, 'public/check-session.js'), 'utf8')
const origin = 'https://app.example'
const state = 'S'.repeat(43)
const value = sessionStateOf('client_1', origin, state)

/** The script in a page that has the cookie, unless something else is said. */
function page({
  cookie = `other=1; __Host-signet_state=${state}`,
  access,
}: {
  cookie?: string
  access?: boolean
} = {}) {
  let listener: (event: object) => void = () => {}
  const document = {
    currentScript: { getAttribute: (name: string) => (name === 'data-cookie' ? '__Host-signet_state' : null) },
    cookie,
    ...(access !== undefined && { hasStorageAccess: () => Promise.resolve(access) }),
  }
  const window = { addEventListener: (_name: string, given: typeof listener) => (listener = given) }
  const context = createContext({ document, window, setTimeout, btoa })
  runInContext(source, context)
  return {
    sha256: (text: string) => runInContext(`sha256(${JSON.stringify(text)})`, context) as string,
    /** The answers to a message, and to whom. */
    ask: async (data: unknown, from = origin) => {
      const answers: string[][] = []
      listener({ data, origin: from, source: { postMessage: (...answer: string[]) => answers.push(answer) } })
      await new Promise((resolve) => setTimeout(resolve, 1))
      return answers
    },
    listener: (event: object) => listener(event),
  }
}

t.test('the page for applications that watch the session', async (t) => {
  t.test('computes SHA-256 correctly, at every length of the last block', async (t) => {
    const { sha256 } = page()
    const texts = Array.from({ length: 200 }, (_, length) => 'signet~ 09AZ'.repeat(20).slice(0, length))
    t.same(
      texts.map(sha256),
      texts.map((text) => digest(text).toString('base64url')),
    )
  })

  t.test('answers the window and the origin that asked, and nobody else', async (t) => {
    t.same(await page().ask(`client_1 ${value}`), [['unchanged', origin]])
    t.same(await page({ access: true }).ask(`client_1 ${value}`), [['unchanged', origin]])
    for (const nobody of ['null', '', 'file://', 'chrome-extension://x'])
      t.same(await page().ask(`client_1 ${value}`, nobody), [], nobody)
    t.doesNotThrow(() => page().listener({ data: `client_1 ${value}`, origin, source: null }))
  })

  t.test('says nothing about another client, another origin or another state', async (t) => {
    const changed = async (what: string, message: string, from = origin, options = {}) =>
      t.same(await page(options).ask(message, from), [['changed', from]], what)
    await changed('another client', `client_2 ${value}`)
    await changed('another origin', `client_1 ${value}`, 'https://evil.example')
    await changed('another scheme', `client_1 ${value}`, 'http://app.example')
    await changed('another port', `client_1 ${value}`, 'https://app.example:8443')
    await changed('another salt', `client_1 ${value.slice(0, 43)}.x`)
    await changed('another state', `client_1 ${value}`, origin, { cookie: `__Host-signet_state=${'T'.repeat(43)}` })
    await changed('no state', `client_1 ${value}`, origin, { cookie: '' })
    await changed('a hash of no state', `client_1 ${sessionStateOf('client_1', origin, '')}`, origin, { cookie: '' })
    await changed('a cookie with a similar name', `client_1 ${value}`, origin, {
      cookie: `signet_state=${state}; x__Host-signet_state=${state}`,
    })
  })

  t.test('answers error to what is no question, and where cookies are blocked', async (t) => {
    for (const message of [
      '',
      'client_1',
      `client_1${value}`,
      ` ${value}`,
      `client_1 ${value} `,
      `client_1 ${value.replace('.', '')}`,
      `client_1 ${value}.x`,
      `client_1 ${value.slice(1)}`,
      `cli\u00e9nt ${value}`,
      `client\n ${value}`,
      `${'c'.repeat(1000)} ${value}`,
      `client_1 ${value}${'x'.repeat(100)}`,
      null,
      undefined,
      7,
      { client_id: 'client_1' },
      [`client_1 ${value}`],
    ])
      t.same(await page().ask(message), [['error', origin]], String(message))
    t.same(await page({ access: false }).ask(`client_1 ${value}`), [['error', origin]], 'also if there is a cookie')
    t.same(await page({ access: false, cookie: '' }).ask(`client_1 ${value}`), [['error', origin]])
  })

  t.test('a client whose id has spaces is understood: the last word is the value', async (t) => {
    const spaced = sessionStateOf('a b c', origin, state)
    t.same(await page().ask(`a b c ${spaced}`), [['unchanged', origin]])
  })
})
