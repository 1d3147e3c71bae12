import assert from 'node:assert/strict'

/** Codes and tokens (EnsureMinimum…Length, EnsureMinimum…Entropy): at least 128 bits long, of which at least 96 are estimated to be random. */
export function assertUnguessable(value: string, what: string): void {
  // Shannon's entropy of the characters, as the suite estimates it. Base64url has six bits to a character.
  const counts = new Map<string, number>()
  for (const character of value) counts.set(character, (counts.get(character) ?? 0) + 1)
  const perCharacter = [...counts.values()].reduce((sum, count) => {
    const share = count / value.length
    return sum - share * Math.log2(share)
  }, 0)
  assert.ok(value.length * 6 >= 128, `${what} has ${value.length} characters`)
  assert.ok(perCharacter * value.length >= 96, `${what} has ${perCharacter * value.length} bits of entropy`)
}
