import { randomBytes } from 'node:crypto'
import t from 'tap'
import type { PurposeSecret } from '../../src/platform/secrets/purpose-secrets.ts'
import { decodeRefreshToken, encodeRefreshToken } from '../../src/tokens/refresh-token.ts'

const secret: PurposeSecret = {
  current: 2,
  versions: new Map([
    [1, randomBytes(32)],
    [2, randomBytes(32)],
  ]),
}
const family = randomBytes(32)

t.test('a refresh token that is changed, cut, extended or encoded differently is invalid', async (t) => {
  const token = encodeRefreshToken(secret, 2, { family, generation: 7 })
  t.match(decodeRefreshToken(secret, token), { family, generation: 7, version: 2 })
  for (let at = 0; at < token.length; at++) {
    const changed = token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1)
    t.equal(decodeRefreshToken(secret, changed), undefined, `character ${at} changed`)
  }
  for (const other of [
    '',
    token.slice(1),
    token.slice(0, -1),
    `${token}A`,
    `${token}=`,
    ` ${token}`,
    token.toUpperCase(),
  ])
    t.equal(decodeRefreshToken(secret, other), undefined, other.slice(0, 20))
})

t.test('a token under an older version of the secret is valid, and under an unknown version invalid', async (t) => {
  t.match(decodeRefreshToken(secret, encodeRefreshToken(secret, 1, { family, generation: 0 })), { version: 1 })
  const other = { current: 1, versions: new Map([[1, randomBytes(32)]]) }
  t.equal(decodeRefreshToken(other, encodeRefreshToken(secret, 1, { family, generation: 0 })), undefined)
})
