import sharp from 'sharp'
import t from 'tap'
import { deleteAccount } from '../../src/operations/delete-account.ts'
import { updateAccount } from '../../src/operations/update-account.ts'
import { maxPixels, squarePicture } from '../../src/platform/square-picture.ts'
import type { Browser } from '../support/browser.ts'
import { eventually } from '../support/eventually.ts'
import { type Person, startSignet } from '../support/idp.ts'
import { signIn } from '../support/journey.ts'
import { cookiesOf, enter, hiddenOf } from './account-forms.ts'

const idp = await startSignet(t)
const operator = { kind: 'operator', by: 'test' } as const
const query = async (text: string, values: unknown[] = []) => (await idp.signet.database.query({ text, values })).rows
const clearLimits = () => query('DELETE FROM rate_limits')
const claimOf = async ({ sub }: Person) =>
  (await query('SELECT picture FROM accounts WHERE sub = $1', [sub]))[0]?.['picture'] as string | null
const rowsOf = ({ sub }: Person) => query('SELECT id, image FROM account_avatars WHERE sub = $1', [sub])

/** A picture of one colour, or with a red left half. */
const blank = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: '#1d5c50' }, limitInputPixels: false })
const halves = (width: number, height: number) =>
  blank(width, height).composite([
    {
      input: { create: { width: width / 2, height, channels: 3, background: '#ff0000' } },
      left: 0,
      top: 0,
    },
  ])
const good = await blank(40, 30).png().toBuffer()
const jpeg = await blank(400, 300).jpeg().toBuffer()
const webp = await blank(400, 300).webp().toBuffer()

type File = readonly [name: string, content: Buffer | string, type?: string | undefined]

async function hidden(browser: Browser): Promise<Record<string, string>> {
  return hiddenOf(await browser.get('/account'), 'avatar-save')
}

function formWith(fields: Record<string, string>, ...files: File[]): FormData {
  const form = new FormData()
  for (const [name, value] of Object.entries(fields)) form.append(name, value)
  for (const [name, content, type = 'image/png'] of files)
    form.append('avatar', new Blob([typeof content === 'string' ? content : new Uint8Array(content)], { type }), name)
  return form
}

/** Sends a form as a browser does. */
async function post(browser: Browser, body: BodyInit, headers: Record<string, string> = { origin: idp.issuer }) {
  const init = { method: 'POST', redirect: 'manual', body, duplex: 'half' } as const
  const response = await fetch(`${idp.issuer}/account/avatar`, {
    ...init,
    headers: { cookie: cookiesOf(browser), ...headers },
  })
  return { status: response.status, location: response.headers.get('location'), text: await response.text() }
}

const upload = async (browser: Browser, content: Buffer | string, type?: string) =>
  post(browser, formWith(await hidden(browser), ['me.png', content, type]))

const saved = { status: 303, location: '/account?notice=picture-saved' }

t.test('what is not a picture that can be used is refused, says why, and changes nothing', async (t) => {
  const person = await idp.person()
  const browser = await enter(idp, person)
  t.match(await upload(browser, good), saved)
  const before = [await claimOf(person), await rowsOf(person)]
  const fields = await hidden(browser)

  /** A picture whose header claims other dimensions. */
  const bombs = {
    png: Buffer.from(good),
    jpeg: Buffer.from(jpeg),
    webp: Buffer.concat([
      Buffer.from('RIFF....WEBPVP8X\x0a\0\0\0\0\0\0\0', 'latin1'),
      Buffer.alloc(6, 0xff),
      webp.subarray(12),
    ]),
  }
  bombs.png.writeUInt32BE(60_000, 16)
  bombs.png.writeUInt32BE(60_000, 20)
  bombs.png.writeUInt32BE(crc32(bombs.png.subarray(12, 29)), 29)
  const frame = jpeg.indexOf(Buffer.from([0xff, 0xc0]))
  bombs.jpeg.writeUInt16BE(65_500, frame + 5)
  bombs.jpeg.writeUInt16BE(65_500, frame + 7)
  bombs.webp.writeUInt32LE(bombs.webp.length - 8, 4)

  const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>alert(1)</script></svg>'
  const unknown = /not a PNG, JPEG or WebP picture/
  const broken = /damaged, or not what it claims to be/
  const gif = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64')
  const refused: Record<string, [content: Buffer | string, text: RegExp]> = {
    SVG: [svg, unknown],
    GIF: [gif, unknown],
    'a GIF that is also a script': [`GIF89a/*${'\0'.repeat(90)}*/=1;alert(1)`, unknown],
    TIFF: [await blank(9, 9).tiff().toBuffer(), unknown],
    AVIF: [await blank(9, 9).avif().toBuffer(), unknown],
    PDF: ['%PDF-1.7\n', unknown],
    HTML: [`<!doctype html><script>alert(1)</script>`, unknown],
    'a picture after something else': [Buffer.concat([Buffer.from('\n'), good]), unknown],
    'SVG behind the signature of PNG': [Buffer.concat([good.subarray(0, 8), Buffer.from(svg)]), broken],
    'SVG behind the signature of JPEG': [Buffer.concat([jpeg.subarray(0, 4), Buffer.from(svg)]), broken],
    'SVG behind the signature of WebP': [Buffer.concat([webp.subarray(0, 12), Buffer.from(svg)]), broken],
    'only a signature': [good.subarray(0, 8), broken],
    'a PNG without its end': [(await halves(200, 200).png().toBuffer()).subarray(0, -60), broken],
    'a JPEG without its end': [jpeg.subarray(0, -200), broken],
    'a WebP without its end': [webp.subarray(0, -20), broken],
    'a PNG with a wrong checksum': [flipped(good, 60), broken],
    'a PNG of 3,600 million pixels': [bombs.png, /more than 25 million pixels/],
    'a JPEG of 4,290 million pixels': [bombs.jpeg, /more than 25 million pixels/],
    'a WebP whose canvas is larger than its picture': [bombs.webp, /more than 25 million pixels|damaged/],
    'just too many pixels': [await blank(5001, 5000).png().toBuffer(), /more than 25 million pixels/],
    'one byte too many': [Buffer.concat([good, Buffer.alloc(5 * 1024 * 1024)]), /larger than 5 MB/],
    'six times as much': [Buffer.alloc(30 * 1024 * 1024, 0xff), /larger than 5 MB/],
    nothing: ['', /choose a picture/],
  }
  for (const [name, [content, text]] of Object.entries(refused)) {
    await clearLimits()
    const answer = await post(browser, formWith(fields, ['me.png', content]))
    t.match(answer, { status: 422, text }, name)
    t.match(answer.text, /<input type="file"[^>]*aria-invalid="true"/, name)
  }

  await clearLimits()
  t.match(await post(browser, formWith(fields)), { status: 422, text: /choose a picture/ }, 'no file')
  const two = await post(browser, formWith(fields, ['one.png', good], ['two.png', good]))
  t.match(two, { status: 422, text: /only one picture/ })
  // Without a length at the beginning, what is too large is found while it is read.
  const whole = new Response(formWith(fields, ['me.png', Buffer.alloc(6 * 1024 * 1024, 0xff)]))
  const type = whole.headers.get('content-type') ?? ''
  const chunked = await post(browser, whole.body as BodyInit, { origin: idp.issuer, 'content-type': type })
  t.match(chunked, { status: 422, text: /larger than 5 MB/ })

  t.same([await claimOf(person), await rowsOf(person)], before)
})

t.test('a request that is no such form is refused without a server error', async (t) => {
  const person = await idp.person()
  const browser = await enter(idp, person)
  const { csrf = '', account = '' } = await hidden(browser)
  const part = (name: string, value: string) =>
    `--x\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`
  const fields = part('csrf', csrf) + part('account', account)
  const file = `--x\r\ncontent-disposition: form-data; name="avatar"; filename="a.png"\r\n\r\n\x89PNG`
  const multipart = 'multipart/form-data; boundary=x'
  const requests: Record<string, [type: string, body: string, status: number]> = {
    'the usual form': ['application/x-www-form-urlencoded', new URLSearchParams({ csrf, account }).toString(), 415],
    JSON: ['application/json', '{}', 415],
    'another kind of multipart': ['multipart/mixed; boundary=x', `${fields}--x--`, 415],
    'no boundary': ['multipart/form-data', `${fields}--x--`, 400],
    'another boundary': ['multipart/form-data; boundary=y', `${fields}--x--`, 400],
    'no end': [multipart, fields, 400],
    'a file without an end': [multipart, fields + file, 400],
    'no name': [multipart, `${fields}--x\r\ncontent-disposition: form-data\r\n\r\nvalue\r\n--x--`, 422],
    'the account twice': [multipart, `${fields}${part('account', account)}--x--`, 400],
    'a name that every object has': [multipart, `${fields}${part('__proto__', 'x')}--x--`, 400],
    'a thousand fields': [
      multipart,
      `${fields}${Array.from({ length: 1000 }, (_, n) => part(`n${n}`, '')).join('')}--x--`,
      400,
    ],
    'a long field': [multipart, `${part('csrf', 'x'.repeat(9_000))}${part('account', account)}--x--`, 400],
    'a file in place of a field': [
      multipart,
      `${part('csrf', csrf)}${file.replace('"avatar"', '"account"')}\r\n--x--`,
      303,
    ],
  }
  for (const [name, [type, body, status]] of Object.entries(requests)) {
    await clearLimits()
    const answer = await post(browser, Buffer.from(body, 'latin1'), { origin: idp.issuer, 'content-type': type })
    t.equal(answer.status, status, name)
  }
  t.equal(await claimOf(person), null)
})

t.test('a form from elsewhere, of somebody else, or of nobody has no effect', async (t) => {
  const [victim, attacker] = [await idp.person(), await idp.person()]
  const browser = await enter(idp, victim)
  const other = await enter(idp, attacker)
  const form = async (of: Browser) => formWith(await hidden(of), ['me.png', good])
  const foreign: Record<string, string>[] = [
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
  ]
  for (const headers of foreign)
    t.match(await post(browser, await form(browser), headers), { status: 403, location: null }, JSON.stringify(headers))
  const { account = '' } = await hidden(browser)
  const { csrf: strangers = '' } = await hidden(other)
  for (const csrf of [undefined, '', 'x', strangers]) {
    const fields = { account, ...(csrf !== undefined && { csrf }) }
    t.equal((await post(browser, formWith(fields, ['me.png', good]), {})).status, 403, 'the token decides')
  }
  const otherAccount = { status: 303, location: '/account?notice=other-account' }
  t.match(await post(browser, await form(other)), otherAccount)
  t.match(await post(other, await form(browser)), otherAccount)
  const nobody = await post(idp.browser(), Buffer.alloc(9 * 1024 * 1024), {
    origin: idp.issuer,
    'content-type': 'multipart/form-data; boundary=x',
  })
  t.match(nobody, { status: 303, location: /^\/sign-in\?/ }, 'nothing is read for somebody who is not signed in')
  t.same([await claimOf(victim), await claimOf(attacker)], [null, null])
  t.match(
    await post(browser, await form(browser), {}),
    saved,
    'with the right token, where a browser says nothing else',
  )
})

t.test('nothing of the file is kept but the picture, whatever its name and type say', async (t) => {
  const client = await idp.client({ scope: 'openid profile' })
  const person = await idp.person({ picture: 'http://elsewhere.example/me.png' })
  const { browser, redeem } = await signIn(idp, client, { person, parameters: { scope: client.scope } })
  const token = (await redeem()).body.access_token as string
  t.match((await browser.get('/account')).text, 'http://elsewhere.example/me.png')

  // Upright it is 200 wide and 400 high, with the red half at the top (Exif orientation 6).
  const secret = 'Somewhere 47.3769 N'
  const taken = await halves(400, 200)
    .withExif({ IFD0: { Copyright: secret, Artist: '<script>alert(1)</script>' }, IFD3: { GPSLatitudeRef: 'N' } })
    .withMetadata({ orientation: 6 })
    .jpeg()
    .toBuffer()
  const hiding = Buffer.concat([taken, Buffer.from('<script>alert(1)</script>PK\x03\x04')])
  t.match(await upload(browser, hiding, 'text/html; charset=utf-8'), saved)

  const [row] = await rowsOf(person)
  const url = `${idp.issuer}/avatars/${row?.['id']}`
  t.equal(await claimOf(person), url)
  const userinfo = await fetch(`${idp.issuer}/userinfo`, { headers: { authorization: `Bearer ${token}` } })
  t.match(await userinfo.json(), { picture: url })
  const response = await fetch(url)
  t.match(Object.fromEntries(response.headers), {
    'content-type': 'image/webp',
    'cache-control': 'public, max-age=31536000, immutable',
    'x-content-type-options': 'nosniff',
    'content-security-policy': /\bsandbox\b/,
    'cross-origin-resource-policy': 'cross-origin',
  })
  t.same(response.headers.getSetCookie(), [])
  const image = Buffer.from(await response.arrayBuffer())
  t.match(await sharp(image).metadata(), { format: 'webp', width: 256, height: 256, exif: undefined, icc: undefined })
  for (const text of [secret, 'script', 'PK\x03\x04', 'Exif'])
    t.notOk(image.includes(text), `without ${JSON.stringify(text)}`)
  const { data, info } = await sharp(image).raw().toBuffer({ resolveWithObject: true })
  const redAt = (x: number, y: number) => (data[(y * info.width + x) * info.channels] ?? 0) > 200
  t.same([redAt(40, 40), redAt(216, 40), redAt(40, 216)], [true, true, false], 'and turned upright')

  const events = await query("SELECT detail FROM events WHERE sub = $1 AND type = 'account_updated'", [person.sub])
  t.same(events, [{ detail: { claims: ['picture'] } }])
  t.match((await browser.get('/account')).text, `<img class="avatar" src="/avatars/${row?.['id']}"`)

  const frames = await Promise.all(
    ['#ff0000', '#00ff00'].map((background) =>
      sharp({ create: { width: 20, height: 20, channels: 3, background } })
        .png()
        .toBuffer(),
    ),
  )
  const animated = await sharp(frames, { join: { animated: true } })
    .webp()
    .toBuffer()
  t.equal((await sharp(animated, { animated: true }).metadata()).pages, 2)
  t.match(await upload(browser, animated), saved)
  const still = Buffer.from((await rowsOf(person))[0]?.['image'] ?? '')
  t.equal((await sharp(still, { animated: true }).metadata()).pages ?? 1, 1, 'an animation does not move any more')
})

t.test('a picture is served only as long as it is the picture of its account', async (t) => {
  const person = await idp.person()
  const browser = await enter(idp, person)
  const status = async (url: string | null) => (await fetch(url ?? '')).status
  await upload(browser, good)
  const first = await claimOf(person)
  await upload(browser, jpeg)
  const second = await claimOf(person)
  t.not(first, second)
  t.same([await status(first), await status(second)], [404, 200], 'another picture has another address')

  const form = { ...hiddenOf(await browser.get('/account'), 'profile-save'), picture: first ?? '', name: 'Ada' }
  t.match((await browser.post('/account/profile', form)).location, 'profile-saved')
  t.equal(await claimOf(person), second, 'the form of the profile does not set it')

  const others = await idp.person()
  const theirs = await enter(idp, others)
  await theirs.submit(await theirs.get('/account'), 'profile-save', { picture: second ?? '' })
  const stolen = hiddenOf(await browser.get('/account'), 'avatar-remove')
  t.match((await theirs.post('/account/avatar/remove', stolen)).location, 'other-account')
  t.equal(await status(second), 200)

  t.match((await browser.submit(await browser.get('/account'), 'avatar-remove')).location, 'picture-removed')
  t.same([await claimOf(person), await rowsOf(person), await status(second)], [null, [], 404])
  t.notMatch((await browser.get('/account')).text, 'avatar-remove')

  await upload(browser, good)
  const third = await claimOf(person)
  await query("UPDATE accounts SET picture = 'https://elsewhere.example/' WHERE sub = $1", [person.sub])
  t.equal(await status(third), 404, 'the claim leads elsewhere: an earlier release has replaced it')
  await query('UPDATE accounts SET picture = $2 WHERE sub = $1', [person.sub, third])
  await updateAccount(idp.signet, operator, person.sub, { name: 'Ada L.' })
  t.equal(await status(third), 200)
  await updateAccount(idp.signet, operator, person.sub, { picture: 'https://elsewhere.example/' })
  t.same([await rowsOf(person), await status(third)], [[], 404], 'an operator has replaced it')

  await upload(browser, good)
  const fourth = await claimOf(person)
  await deleteAccount(idp.signet, operator, person.sub)
  t.same([await rowsOf(person), await status(fourth)], [[], 404])

  for (const path of ['', 'x', '%2e%2e%2faccount', `${'A'.repeat(22)}.webp`, 'A'.repeat(22), "'; --", '%00'])
    t.ok([400, 404].includes(await status(`${idp.issuer}/avatars/${path}`)), path)
})

t.test('files that arrive slowly do not fill the memory: twenty are read at the same time', async (t) => {
  await clearLimits()
  const people = await Promise.all(Array.from({ length: 2 }, () => idp.person()))
  const browsers = await Promise.all(people.map((person) => enter(idp, person)))
  const fields = await Promise.all(browsers.map(hidden))
  const ends: (() => void)[] = []
  const slow = (index: number) => {
    const whole = new Response(formWith(fields[index] ?? {}, ['me.png', jpeg]))
    const type = whole.headers.get('content-type') ?? ''
    const end = new Promise<void>((resolve) => ends.push(resolve))
    const body = new ReadableStream({
      async start(controller) {
        const bytes = new Uint8Array(await whole.arrayBuffer())
        controller.enqueue(bytes.slice(0, -9))
        await end
        controller.enqueue(bytes.slice(-9))
        controller.close()
      },
    })
    return post(browsers[index] as Browser, body, { origin: idp.issuer, 'content-type': type })
  }
  const open = Array.from({ length: 20 }, (_, n) => slow(n % 2))
  const counted = async () =>
    (await query("SELECT sum(points)::int AS sum FROM rate_limits WHERE key LIKE 'avatar-person:%'"))[0]?.['sum'] === 20
  await eventually('twenty to be counted', counted)
  const [one = idp.browser()] = browsers
  t.match(await post(one, formWith(fields[0] ?? {}, ['me.png', good])), { status: 503, text: /try again/i })
  for (const end of ends) end()
  const answers = await Promise.all(open)
  t.same([...new Set(answers.map(({ location }) => location))], ['/account?notice=picture-saved'])
  await clearLimits()
  t.match(await post(one, formWith(fields[0] ?? {}, ['me.png', good])), saved, 'and then there is room again')
})

t.test('a person can upload twenty pictures an hour', async (t) => {
  await clearLimits()
  const browser = await enter(idp, await idp.person())
  const fields = await hidden(browser)
  for (let n = 0; n < 20; n++) t.equal((await post(browser, formWith(fields))).status, 422)
  const limited = await post(browser, formWith(fields, ['me.png', good]))
  t.match(limited, { status: 429, text: /try again/i })
})

t.test('while a large picture is decoded, the process does other things', async (t) => {
  const side = Math.sqrt(maxPixels)
  const large = await blank(side, side).png({ compressionLevel: 1 }).toBuffer()
  let turns = 0
  let isDone = false
  const decoding = squarePicture(large, 256, 'cover').finally(() => {
    isDone = true
  })
  while (!isDone) {
    await new Promise((resolve) => setImmediate(resolve))
    turns++
  }
  t.ok(Buffer.isBuffer(await decoding))
  t.ok(turns > 100, `${turns} turns of the event loop`)
})

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes)
  copy[at] = (copy[at] ?? 0) ^ 0xff
  return copy
}

/** PNG (third edition) §D. */
function crc32(bytes: Buffer): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
  }
  return (crc ^ 0xffffffff) >>> 0
}

t.test('without the part of the library for this machine, a picture is refused and nothing breaks', async (t) => {
  const missing = () => Promise.reject(new Error('Could not load the module.'))
  t.equal(await squarePicture(good, 256, 'cover', missing), 'unavailable')
})
