import { randomBytes } from 'node:crypto'
import t from 'tap'
import { sealText, unsealText } from '../../../src/platform/secrets/purpose-secrets.ts'
import { seal, unseal } from '../../../src/platform/secrets/sealing.ts'

const key = randomBytes(32)

t.test('sealed text opens only unchanged, with the same key and for the same use', async (t) => {
  const plain = Buffer.from('a secret')
  const sealed = seal(key, plain, 'use')
  t.same(unseal(key, sealed, 'use'), plain)
  t.equal(unseal(randomBytes(32), sealed, 'use'), undefined)
  t.equal(unseal(key, sealed, 'another use'), undefined)
  for (let bit = 0; bit < sealed.length * 8; bit++) {
    const changed = Buffer.from(sealed)
    changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7))
    t.equal(unseal(key, changed, 'use'), undefined, `bit ${bit}`)
  }
  for (let length = 0; length < sealed.length; length++)
    t.equal(unseal(key, sealed.subarray(0, length), 'use'), undefined, `cut to ${length}`)
})

t.test('the same text is sealed differently each time', async (t) => {
  t.notSame(seal(key, Buffer.from('x'), 'use'), seal(key, Buffer.from('x'), 'use'))
})

t.test('a sealed text names the version of its secret, and needs that version', async (t) => {
  const old = { current: 1, versions: new Map([[1, key]]) }
  const rotated = { current: 2, versions: new Map([...old.versions, [2, randomBytes(32)]]) }
  const sealed = sealText(old, 'text', 'use')
  t.equal(unsealText(rotated, sealed, 'use'), 'text')
  t.equal(unsealText(old, sealText(rotated, 'text', 'use'), 'use'), undefined)
  for (const garbage of ['', 'A', 'AAAA', '%', sealed.slice(1), `${sealed}A`, sealed.replace(/.$/, '=')])
    t.equal(unsealText(rotated, garbage, 'use'), undefined, garbage.slice(0, 10))
})
