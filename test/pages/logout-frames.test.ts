import t from 'tap'
import { frameOrigin, logoutFrames } from '../../src/pages/sign-out/logout-frames.ts'
import type { PurposeSecret } from '../../src/platform/secrets/purpose-secrets.ts'
import type { ClientId, SessionId } from '../../src/records/ids.ts'

const issuer = 'https://id.example'
const secret: PurposeSecret = { current: 1, versions: new Map([[1, Buffer.alloc(32, 1)]]) }
const signet = { settings: { issuer }, secrets: { 'session-id': secret } } as unknown as Parameters<
  typeof logoutFrames
>[0]
const session = { id: '7' as unknown as SessionId, sidVersion: 1 }
const framesOf = (...uris: string[]) =>
  logoutFrames(
    signet,
    session,
    uris.map((uri, index) => ({ client_id: `client_${index}` as ClientId, frontchannel_logout_uri: uri })),
  )

t.test('the frames of a sign-out', async (t) => {
  t.test('no URI can write into the policy of the page', async (t) => {
    for (const uri of [
      'https://a;sandbox/x',
      "https://a;script-src'self'/x",
      'https://a,b.example/x',
      'https://*/x',
      'https://*.example/x',
      "https://'none'/x",
      'https://a b.example/x',
      'https://[::1]/x',
      'data:text/html,x',
      'javascript:alert(1)//https://a.example',
      'blob:https://a.example/x',
      'com.example.app:/x',
      'file:///x',
      'https:app.example/x',
      'https:/app.example/x',
      'https:///app.example/x',
      'https:\\\\app.example/x',
      'not a URI',
      '',
    ]) {
      t.equal(frameOrigin(uri), undefined, uri)
      t.same(await framesOf(uri), { sources: [], origins: [] }, uri)
    }
    // What is behind the host does not get into it.
    t.equal(frameOrigin('https://app.example/x;y,z?a=;b,*'), 'https://app.example')
    t.equal(frameOrigin('https://user@app.example:8443/x'), 'https://app.example:8443')
    t.equal(frameOrigin('https://b\u00fccher.example/'), 'https://xn--bcher-kva.example', 'in ASCII')
    t.equal(frameOrigin('http://127.0.0.1:3000/x'), 'http://127.0.0.1:3000')
  })

  t.test('none is of our own origin, whose page could leave its sandbox', async (t) => {
    t.same((await framesOf(`${issuer}/logout`, 'https://app.example/out')).origins, ['https://app.example'])
  })

  t.test('each has iss and the sid of its client, and keeps its own query', async (t) => {
    const { sources, origins } = await framesOf('https://app.example/out', 'https://app.example/two?x=%20;y')
    t.same(origins, ['https://app.example'], 'each origin once')
    const [first, second] = sources.map((source) => new URL(source))
    t.equal(first?.searchParams.get('iss'), issuer)
    t.match(sources[1], /^https:\/\/app\.example\/two\?x=%20;y&iss=https%3A%2F%2Fid\.example&sid=[\w-]{22}$/)
    t.not(first?.searchParams.get('sid'), second?.searchParams.get('sid'))
  })

  t.test('many long origins do not make a header that proxies refuse', async (t) => {
    const uris = Array.from(
      { length: 50 },
      (_, index) => `https://${`${index}`.padStart(60, 'a')}.${'b'.repeat(60)}.example/out`,
    )
    const { sources, origins } = await framesOf(...uris)
    t.ok(origins.join(' ').length <= 2500)
    t.ok(sources.length > 15 && sources.length === origins.length)
    const longest = uris.map((uri) => uri.replace('b', `${'c'.repeat(60)}.b`))
    t.equal((await framesOf(...longest, 'https://a.example/out')).origins.at(-1), 'https://a.example', 'one that fits')
  })
})
