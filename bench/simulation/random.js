/**
 * Random numbers that are the same for the same seed (sfc32, a small generator that passes the usual tests of randomness).
 *
 * @param {number} seed
 * @returns {() => number} from 0 (included) to 1 (excluded)
 */
export function createRandom(seed) {
  let [a, b, c, counter] = [0x9e3779b9, seed >>> 0, Math.imul(seed, 0x85ebca6b) >>> 0, 1]
  const next = () => {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (c << 21) | (c >>> 11)
    c = (c + sum) | 0
    return (sum >>> 0) / 2 ** 32
  }
  for (let turn = 0; turn < 16; turn++) next()
  return next
}

/**
 * An exponentially distributed time.
 *
 * @param {() => number} random
 * @param {number} mean
 */
export const exponential = (random, mean) => -mean * Math.log(1 - random())
