import sharp from 'sharp'
import t from 'tap'
import { logoPath } from '../../src/operations/client-logo.ts'
import { deleteClient } from '../../src/operations/client-registration.ts'
import type { Outgoing } from '../../src/platform/outgoing/outgoing.ts'
import { TooManyOutgoingRequests } from '../../src/platform/outgoing/request-slots.ts'
import { OutgoingRequestFailed } from '../../src/platform/outgoing-request.ts'
import { eventually } from '../support/eventually.ts'
import { startSignet, type TestClient } from '../support/idp.ts'
import { authorizationParameters, pkce } from '../support/journey.ts'

/** What each logo_uri has; a function is called for each request. */
const files = new Map<string, () => Promise<Buffer> | Buffer>()
const asked: string[] = []
const outgoing: Outgoing = {
  post: async () => 404,
  get: async (url) => {
    asked.push(url)
    const file = files.get(url)
    if (!file) throw new OutgoingRequestFailed('the response has the status 404')
    return { body: await file(), contentType: 'text/html', freshness: 300 }
  },
}
const idp = await startSignet(t, {}, { outgoing })
const query = async (text: string, values: unknown[] = []) => (await idp.signet.database.query({ text, values })).rows

const picture = (width = 200, height = 100) =>
  sharp({ create: { width, height, channels: 3, background: '#ff0000' } })
    .withExif({ IFD0: { Copyright: 'SECRET' } })
    .png()
    .toBuffer()

let count = 0
async function clientWithLogo(file?: () => Promise<Buffer> | Buffer): Promise<TestClient> {
  count += 1
  const logo_uri = `https://app.example/${count}.png`
  if (file) files.set(logo_uri, file)
  asked.length = 0
  return idp.client({ logo_uri })
}

async function load(path: string | undefined) {
  const response = await fetch(`${idp.issuer}${path}`)
  return { status: response.status, headers: response.headers, body: Buffer.from(await response.arrayBuffer()) }
}

/** Whether the answer is a transparent pixel, in whose place browsers draw nothing. */
const isNothing = ({ status, headers, body }: Awaited<ReturnType<typeof load>>) =>
  status === 200 && body.length < 50 && headers.get('cache-control') === 'private, max-age=60'

t.test('what is no PNG, JPEG or WebP picture by its bytes is not served, and is not fetched again', async (t) => {
  const svg = '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
  const gif = await sharp({ create: { width: 9, height: 9, channels: 3, background: '#fff' } })
    .gif()
    .toBuffer()
  const cut = (await picture()).subarray(0, 60)
  for (const body of [
    svg,
    gif,
    cut,
    '<html>',
    '',
    Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), Buffer.from(svg)]),
  ]) {
    const client = await clientWithLogo(() => Buffer.from(body))
    for (let attempt = 0; attempt < 3; attempt += 1) t.ok(isNothing(await load(logoPath(client))))
    t.equal(asked.length, 1)
  }
})

t.test('a logo that cannot be fetched is tried once in ten minutes, and no visitor learns why', async (t) => {
  const client = await clientWithLogo()
  for (let attempt = 0; attempt < 3; attempt += 1) {
    t.ok(isNothing(await load(logoPath(client))))
  }
  t.equal(asked.length, 1)
  t.match(idp.logged(), /The logo of a client could not be fetched/)
  await query(`UPDATE client_logos SET tried_at = now() - interval '11 minutes'`)
  files.set(String(client.logo_uri), picture)
  t.notOk(isNothing(await load(logoPath(client))))
})

t.test('a request that was not sent for lack of room does not count as a failure of the logo', async (t) => {
  const client = await clientWithLogo(() => Promise.reject(new TooManyOutgoingRequests('too many')))
  t.ok(isNothing(await load(logoPath(client))))
  t.notMatch(idp.logged(), client.client_id, 'visitors cannot fill the log')
  files.set(String(client.logo_uri), picture)
  t.notOk(isNothing(await load(logoPath(client))))
})

t.test('no more than twenty logos are in memory at the same time', async (t) => {
  let release = () => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  const file = await picture()
  const clients: TestClient[] = []
  for (let index = 0; index < 22; index += 1) clients.push(await clientWithLogo(() => held.then(() => file)))
  const begun = clients.slice(0, 20).map((client) => load(logoPath(client)))
  await eventually('twenty requests', () => asked.length >= 20)
  t.ok(isNothing(await load(logoPath(clients[20] as TestClient))))
  t.equal(asked.length, 20)
  release()
  for (const answer of await Promise.all(begun)) t.notOk(isNothing(answer))
  t.notOk(isNothing(await load(logoPath(clients[20] as TestClient))), 'it is no failure of that logo')
})

t.test('nothing is fetched for a client, a version or a parameter that somebody made up', async (t) => {
  const client = await clientWithLogo(picture)
  const path = String(logoPath(client))
  const [version = ''] = path.split('?')
  const id = encodeURIComponent(client.client_id)
  const other = await idp.client()
  for (const guess of [
    ...[`/logos/x?client_id=${id}`, `/logos/${'A'.repeat(22)}?client_id=${id}`, `${version}?client_id=`, version],
    ...[`${version}?client_id=nobody`, `${version}?client_id=${other.client_id}`, `${version}?client_id=%00`],
    ...[`${version}?client_id=${'x'.repeat(300)}`, `/logos/?client_id=${id}`, `/logos/..%2f..?client_id=${id}`],
  ])
    t.equal((await load(guess)).status, guess.includes('%00') ? 400 : 404, guess)
  t.equal((await load(`${path}&client_id=${id}`)).status, 400)
  t.same(asked, [])
})

t.test('visitors at the same time cause one request', async (t) => {
  const client = await clientWithLogo(picture)
  const answers = await Promise.all(Array.from({ length: 10 }, () => load(logoPath(client))))
  t.ok(answers.every(({ status }) => status === 200))
  t.equal(asked.length, 1)
  t.equal((await load(logoPath(client))).status, 200)
  t.equal(asked.length, 1, 'later ones cause none')
})

t.test('what is served is a small picture of our own, as a document that can do nothing', async (t) => {
  const client = await clientWithLogo(picture)
  const { headers, body } = await load(logoPath(client))
  t.equal(headers.get('content-type'), 'image/webp')
  t.equal(headers.get('x-content-type-options'), 'nosniff')
  t.equal(headers.get('content-security-policy'), "default-src 'none';frame-ancestors 'none';sandbox")
  t.equal(headers.get('cross-origin-resource-policy'), 'same-origin')
  t.equal(headers.get('cache-control'), 'public, max-age=31536000, immutable')
  t.equal(headers.get('set-cookie'), null)
  const image = sharp(body)
  t.match(await image.metadata(), { format: 'webp', width: 224, height: 224 })
  t.notOk(body.includes('SECRET'))
  // Twice as wide as high: all of it is there, between transparent borders.
  const { data } = await image.ensureAlpha().raw().toBuffer({ resolveWithObject: true })
  const alphaAt = (x: number, y: number) => data[(y * 224 + x) * 4 + 3]
  t.same([alphaAt(112, 10), alphaAt(5, 112), alphaAt(218, 112)], [0, 255, 255])
})

t.test('pages show the logo from our own origin only', async (t) => {
  const client = await clientWithLogo(picture)
  const browser = idp.browser()
  const { location } = await browser.get(`/authorize?${new URLSearchParams(authorizationParameters(client, pkce()))}`)
  const page = await browser.get(String(location))
  const path = String(logoPath(client))
  t.ok(page.text.includes(`<img class="logo" src="${path.replaceAll('&', '&amp;')}" alt`))
  t.notOk(page.text.includes(String(client.logo_uri)))
  t.match(page.headers.get('content-security-policy'), /img-src 'self';/)
  t.same(asked, [], 'the page itself fetches nothing')
})

t.test('another logo_uri has another path, and the old logo is not served any more', async (t) => {
  const client = await clientWithLogo(picture)
  t.equal((await load(logoPath(client))).status, 200)
  const logo_uri = 'https://app.example/new.png'
  files.set(logo_uri, () => picture(10, 10))
  await idp.changeClient(client, 'logo_uri = $2', logo_uri)
  t.equal((await load(logoPath(client))).status, 404)
  t.equal((await load(logoPath({ ...client, logo_uri }))).status, 200)
  t.same(await query('SELECT logo_uri FROM client_logos WHERE client_id = $1', [client.client_id]), [{ logo_uri }])
})

t.test('the logo of a deleted client is gone, also if it was being fetched at the time', async (t) => {
  const client = await clientWithLogo(picture)
  t.equal((await load(logoPath(client))).status, 200)
  await deleteClient(idp.signet, { kind: 'operator', by: 'test' }, client.client_id)
  t.equal((await load(logoPath(client))).status, 404)

  const late = await clientWithLogo(async () => {
    await deleteClient(idp.signet, { kind: 'operator', by: 'test' }, late.client_id)
    return picture()
  })
  await load(logoPath(late))
  t.equal((await load(logoPath(late))).status, 404)
  t.same(await query('SELECT FROM client_logos WHERE client_id = $1', [late.client_id]), [])
})
