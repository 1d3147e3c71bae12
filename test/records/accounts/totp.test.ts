import t from 'tap'
import { acceptedStep, newTotpSecret, readOneTimeCode, totpSetUp } from '../../../src/records/accounts/totp.ts'

/** RFC 6238 appendix B, SHA-1: seconds since 1970, and the last six of the eight digits. */
const vectors: readonly [time: number, code: string][] = [
  [59, '287082'],
  [1111111109, '081804'],
  [1111111111, '050471'],
  [1234567890, '005924'],
  [2000000000, '279037'],
  [20000000000, '353130'],
]
const rfcSecret = Buffer.from('12345678901234567890')

t.test('the test vectors of RFC 6238 are accepted, at their time and one step around it only', async (t) => {
  for (const [time, code] of vectors) {
    const step = Math.floor(time / 30)
    for (const drift of [-1, 0, 1])
      t.equal(await acceptedStep(rfcSecret, code, (time + drift * 30) * 1000, 0), step, `${code} at ${drift}`)
    for (const drift of [-2, 2])
      t.equal(await acceptedStep(rfcSecret, code, (time + drift * 30) * 1000, 0), undefined, `${code} at ${drift}`)
    t.equal(await acceptedStep(rfcSecret, code, time * 1000, step), undefined, 'not after it was used')
    t.equal(await acceptedStep(rfcSecret, code, time * 1000, step + 1), undefined, 'nor after a later one')
    t.equal(await acceptedStep(newTotpSecret(), code, time * 1000, 0), undefined, 'nor for another secret')
  }
})

t.test('if two steps around now have the same code, both are used up by it', async (t) => {
  // Found by trying: for the secret of the RFC, the steps 153567 and 153569 have the same code.
  const [step, code] = [153567, '468457']
  const now = (step + 1) * 30_000
  t.equal(await acceptedStep(rfcSecret, code, now, 0), step + 2)
  t.equal(await acceptedStep(rfcSecret, code, now, step + 2), undefined)
})

t.test('a code is read as people type it', async (t) => {
  for (const typed of ['287082', ' 287082 ', '287 082', '287-082', '287\u2011082', '２８７０８２', '287\u00a0082'])
    t.equal(readOneTimeCode(typed), '287082', typed)
  for (const typed of [undefined, '', '28708', '2870822', '28708a', '٢٨٧٠٨٢', '0x2870', '1e5000', '-28708'.repeat(9)])
    t.equal(readOneTimeCode(typed), undefined, String(typed))
})

t.test('the URI says what apps need, and a name cannot add anything to it', async (t) => {
  const labels = { issuer: 'Example: & Sons', person: 'anna@example.com?secret=x' }
  const { uri, key } = await totpSetUp(rfcSecret, labels)
  t.equal(key, 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ')
  const { protocol, host, pathname, searchParams } = new URL(uri)
  t.same([protocol, host], ['otpauth:', 'totp'])
  t.equal(decodeURIComponent(pathname), '/Example  & Sons:anna@example.com?secret=x')
  const expected = { issuer: 'Example  & Sons', secret: key, algorithm: 'SHA1', digits: '6', period: '30' }
  t.same(Object.fromEntries(searchParams), expected)
  t.equal(newTotpSecret().length, 20)
})
