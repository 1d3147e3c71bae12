import t from 'tap'
import type { Visit } from '../support/browser.ts'
import { framesOf, refreshOf } from './support/frames.ts'
import { assertReturned } from './support/logouts.ts'
import { openOpFrame } from './support/op-frame.ts'
import type { Play } from './support/play.ts'

/** As in checks.test.ts: the parts that stand for a browser must not do more than a browser would. */
const issuer = 'https://id.example'

const page = (text: string, policy = '', more: Record<string, string> = {}): Visit => ({
  ...{ url: `${issuer}/logout`, status: 200, text, location: undefined },
  headers: new Headers({ 'content-type': 'text/html', 'content-security-policy': policy, ...more }),
})

t.test('only frames that the policy allows are loaded, and only a refresh is followed', async (t) => {
  const frames =
    '<iframe title="x" src="https://a.example/out?iss=x&amp;sid=y"></iframe><iframe src="https://b.example/"></iframe>'
  t.same(framesOf(page(frames)), [])
  t.same(framesOf(page(frames, "default-src 'self'; frame-src https://a.example; style-src 'self'")), [
    'https://a.example/out?iss=x&sid=y',
  ])
  t.same(framesOf(page(frames, "frame-src 'none'")), [])
  t.equal(refreshOf(page('<a href="https://a.example/">back</a>')), undefined)
  const refresh = '<meta http-equiv="refresh" content="3;url=https://a.example/?state=%22&amp;x=y">'
  t.equal(refreshOf(page(refresh)), 'https://a.example/?state=%22&x=y')
})

t.test('faults of the return after a logout are found', async (t) => {
  const play = { warnings: [] as string[] } as unknown as Play
  const request = { id_token_hint: '', post_logout_redirect_uri: 'https://suite.example/out', state: 'a"b&c' }
  const returned = (location: string | undefined) => assertReturned(play, request, { location, status: 200 })
  const state = encodeURIComponent(request.state)
  returned(`https://suite.example/out?state=${state}`)
  t.same(play.warnings, [])
  for (const fault of [
    undefined,
    'https://suite.example/out',
    'https://suite.example/out?state=a',
    `https://suite.example/?state=${state}`,
  ])
    t.throws(() => returned(fault), String(fault))
  returned(`https://suite.example/out?state=${state}&iss=x`)
  t.same(play.warnings, ['iss after the logout'])
})

const allowed = 'frame-ancestors *'
const script = '<script src="/frame.js"></script>'

/** A frame whose script has this text. */
async function frameOf(text: string, html = page(script, allowed)) {
  return openOpFrame({
    provider: { issuer, metadata: { check_session_iframe: `${issuer}/check-session` } },
    browser: {
      get: async (path: string) => (path.endsWith('.js') ? page(text) : html),
      cookies: new Map([
        ['secret', 'a'],
        ['state', 'b'],
      ]),
      isReadable: (name: string) => name === 'state',
    },
  } as unknown as Play)
}

t.test("the provider's frame has only what a browser gives it", async (t) => {
  const listens = 'window.addEventListener("message", function (event) { %s })'
  const answers = (what: string, target = 'event.origin') =>
    listens.replace('%s', `event.source.postMessage(${what}, ${target})`)
  const ask = async (text: string) => (await frameOf(text)).ask('a b', 'https://suite.example')
  t.equal(await ask(answers('document.cookie')), 'state=b')
  t.equal(await ask(answers('event.data')), 'a b')
  t.equal(await ask(answers('typeof crypto + typeof fetch')), 'undefinedundefined')
  await t.rejects(ask(answers('"unchanged"', '"*"')), /answered \*/)
  await t.rejects(frameOf(''), /does not listen/)
  for (const html of [
    page(script, "frame-ancestors 'none'"),
    page(script, allowed, { 'x-frame-options': 'DENY' }),
    page(script.replace('src', 'type="module" src'), allowed),
    page(`<script>${answers('"unchanged"')}</script>`, allowed),
    { ...page(script, allowed), status: 404 },
  ])
    await t.rejects(frameOf(answers('"unchanged"'), html))
})
