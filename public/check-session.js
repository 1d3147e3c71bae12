// @ts-check
// The OP iframe (OpenID Connect Session Management §3.2): an application embeds `/check-session` and asks this script whether what it knows about the sign-in still holds. The script answers from
// a cookie, without asking the server. It computes SHA-256 itself, because browsers offer it to secure contexts only and not at once.

// The name of the cookie with the state of the browser.
const script = document.currentScript
const cookieName = script ? script.getAttribute('data-cookie') || '' : ''

// Only the application receives the answer: it is sent to the window that asked, and only as long as that window shows a page of the origin that asked.
window.addEventListener('message', (event) => {
  const { data, origin, source } = event
  // A page without an origin of its own, such as one in a sandbox, cannot be told apart from others.
  if (!source || !/^https?:\/\//.test(origin)) return
  withAccess((hasAccess) => {
    const asking = /** @type {Window} */ (source)
    asking.postMessage(hasAccess ? answerTo(data, origin) : 'error', origin)
  })
})

/**
 * Whether this page can see its cookies at all. Where browsers block or partition the cookies of embedded sites, a missing state would look as if somebody had signed out: applications would then
 * ask again and again, or sign people out. After `error` they do neither (§3.1).
 *
 * @param {(hasAccess: boolean) => void} then always called later and never at once, so that the time of the answer says nothing
 */
function withAccess(then) {
  if (typeof document.hasStorageAccess !== 'function') {
    setTimeout(() => then(true), 0)
    return
  }
  document.hasStorageAccess().then(then, () => then(false))
}

/**
 * @param {unknown} message `client_id session_state`
 * @param {string} origin of the page that asks. If it is not that of the redirect URI, the hash differs, so the answer is always `changed`
 * @returns {'unchanged' | 'changed' | 'error'}
 */
function answerTo(message, origin) {
  if (typeof message !== 'string' || message.length > 1000) return 'error'
  const parts = /^([\x20-\x7e]+) ([A-Za-z0-9_-]{43})\.([A-Za-z0-9_-]{1,64})$/.exec(message)
  if (!parts) return 'error'
  const state = browserState()
  // Without a state there is nothing to compare with: a hash of an empty state could be computed by anybody.
  if (state === '') return 'changed'
  return sha256(`${parts[1]} ${origin} ${state} ${parts[3]}`) === parts[2] ? 'unchanged' : 'changed'
}

/** The value of the cookie; empty if there is none. */
function browserState() {
  const pairs = document.cookie.split('; ')
  for (let index = 0; index < pairs.length; index++) {
    const pair = pairs[index] || ''
    if (pair.indexOf(`${cookieName}=`) === 0) return pair.slice(cookieName.length + 1)
  }
  return ''
}

/**
 * SHA-256 (FIPS 180-4) in base64url.
 *
 * @param {string} text of ASCII characters
 */
function sha256(text) {
  const constants = [
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98,
    0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
    0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8,
    0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
    0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819,
    0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
    0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
    0xc67178f2,
  ]
  const hash = [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19]
  /** @type {number[]} */
  const words = []
  const blocks = ((text.length + 8) >> 6) + 1
  for (let index = 0; index < blocks * 16; index++) words.push(0)
  for (let index = 0; index < text.length; index++) put(words, index, text.charCodeAt(index))
  put(words, text.length, 0x80)
  words[words.length - 1] = text.length * 8
  for (let block = 0; block < blocks; block++) compress(hash, words.slice(block * 16, block * 16 + 16), constants)

  let bytes = ''
  for (let index = 0; index < 32; index++)
    bytes += String.fromCharCode((at(hash, index >> 2) >>> (24 - (index & 3) * 8)) & 0xff)
  return btoa(bytes).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')
}

/**
 * @param {number[]} words
 * @param {number} index of the byte
 * @param {number} byte
 */
function put(words, index, byte) {
  words[index >> 2] = at(words, index >> 2) | (byte << (24 - (index & 3) * 8))
}

/**
 * FIPS 180-4 §6.2.2.
 *
 * @param {number[]} hash changed in place
 * @param {number[]} schedule the sixteen words of the block
 * @param {readonly number[]} constants
 */
function compress(hash, schedule, constants) {
  const work = hash.slice()
  for (let round = 0; round < 64; round++) {
    if (round >= 16) {
      const early = at(schedule, round - 15)
      const late = at(schedule, round - 2)
      const small0 = rotated(early, 7) ^ rotated(early, 18) ^ (early >>> 3)
      const small1 = rotated(late, 17) ^ rotated(late, 19) ^ (late >>> 10)
      schedule.push((at(schedule, round - 16) + small0 + at(schedule, round - 7) + small1) | 0)
    }
    const a = at(work, 0)
    const e = at(work, 4)
    const big1 = rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)
    const choice = (e & at(work, 5)) ^ (~e & at(work, 6))
    const first = (at(work, 7) + big1 + choice + at(constants, round) + at(schedule, round)) | 0
    const big0 = rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)
    const majority = (a & at(work, 1)) ^ (a & at(work, 2)) ^ (at(work, 1) & at(work, 2))
    work.pop()
    work[3] = (at(work, 3) + first) | 0
    work.unshift((first + big0 + majority) | 0)
  }
  for (let index = 0; index < 8; index++) hash[index] = (at(hash, index) + at(work, index)) | 0
}

/**
 * @param {number} word
 * @param {number} by
 */
function rotated(word, by) {
  return (word >>> by) | (word << (32 - by))
}

/**
 * @param {readonly number[]} words
 * @param {number} index
 */
function at(words, index) {
  return words[index] || 0
}
