import assert from 'node:assert/strict'
import { createContext, runInContext } from 'node:vm'
import { decodeEntities } from '../../support/browser.ts'
import type { Play } from './play.ts'

/** The provider's frame (OpenID Connect Session Management §3.2) on a page of the suite. */
export interface OpFrame {
  /** Posts a message from a page of this origin, and returns the answer. */
  readonly ask: (message: string, origin: string) => Promise<unknown>
}

interface MessageEvent {
  readonly data: unknown
  readonly origin: string
  readonly source: { readonly postMessage: (answer: unknown, target: string) => void }
}

/**
 * Loads `check_session_iframe` and runs its scripts with what HtmlUnit gives them in the suite: classic scripts, cookies that scripts may read, and messages, but no
 * cryptography and no storage access.
 */
export async function openOpFrame({ provider, browser }: Play): Promise<OpFrame> {
  const address = new URL(provider.metadata.check_session_iframe)
  // The suite takes only answers from this origin.
  assert.equal(address.origin, new URL(provider.issuer).origin)
  const page = await browser.get(address.href)
  assert.equal(page.status, 200)
  assert.match(page.headers.get('content-type') ?? '', /^text\/html\b/)
  // A browser would not show it on a page of the suite.
  assert.equal(page.headers.get('x-frame-options'), null)
  assert.match(page.headers.get('content-security-policy') ?? '', /(?:^|;)\s*frame-ancestors \*/)
  const listeners: ((event: MessageEvent) => unknown)[] = []
  const cookie = [...browser.cookies].filter(([name]) => browser.isReadable(name))
  const document: Record<string, unknown> = {
    cookie: cookie.map(([name, value]) => `${name}=${value}`).join('; '),
  }
  const window: Record<string, unknown> = {
    addEventListener: (type: string, listener: (event: MessageEvent) => unknown) => {
      if (type === 'message') listeners.push(listener)
    },
    ...{ document, btoa, setTimeout },
    location: { href: address.href, origin: address.origin, protocol: address.protocol },
  }
  for (const name of ['window', 'self', 'globalThis']) window[name] = window
  const context = createContext(window)
  for (const [, attributes = ''] of page.text.matchAll(/<script\b([^>]*)>/g)) {
    assert.doesNotMatch(attributes, /type="module"/)
    const source = attributeOf(attributes, 'src')
    assert.ok(source !== null, 'a script in the page, which the policy does not allow')
    const script = await browser.get(new URL(source, address).href)
    assert.equal(script.status, 200, source)
    document['currentScript'] = { getAttribute: (name: string) => attributeOf(attributes, name) }
    runInContext(script.text, context)
  }
  assert.ok(listeners.length > 0, 'the frame does not listen')
  return {
    ask: (data, origin) =>
      new Promise((resolve, reject) => {
        const postMessage = (answer: unknown, target: string) =>
          target === origin ? resolve(answer) : reject(new Error(`answered ${target} instead of ${origin}`))
        for (const listener of listeners) listener({ data, origin, source: { postMessage } })
      }),
  }
}

function attributeOf(attributes: string, name: string): string | null {
  const value = new RegExp(`(?:^|\\s)${name}="([^"]*)"`).exec(attributes)?.[1]
  return value === undefined ? null : decodeEntities(value)
}
