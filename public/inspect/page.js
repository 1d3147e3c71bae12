// @ts-check
// The token inspector. What is pasted stays in this page: it is not sent, stored or put into the URL. Nothing is read from the URL
// either: a link that contains a token would put the token into the history.

import { byId, colouredToken, element, fill, unfold } from './element.js'
import { visible } from './json.js'
import { judge, times } from './judge.js'
import { tryBothWays } from './shared-secret.js'
import { timeInWords } from './time.js'
import { readToken } from './token.js'

/**
 * @typedef {import('./token.js').Finding} Finding
 * @typedef {import('./token.js').Part} Part
 * @typedef {import('./token.js').Value} Value
 * @typedef {Readonly<Record<'inspect' | 'inspectVerdicts' | 'inspectFindings' | 'inspectClaims' | 'sharedSecret', Readonly<Record<string, string>>>>} Texts
 */

const inspector = byId('inspector', HTMLElement)
const issuer = inspector.dataset['issuer'] ?? ''
const locale = document.documentElement.lang
/** @type {Texts} */
const texts = JSON.parse(inspector.dataset['texts'] ?? '{}')
const { inspect, inspectVerdicts, inspectFindings, inspectClaims } = texts

unfold('look-tool')
const input = byId('token', HTMLTextAreaElement)
const result = byId('result', HTMLElement)
const status = byId('told', HTMLElement)

/** Browsers may cache a script for an hour, so it can be older or newer than its page. An unknown message is shown as its key. */
const textOf = (/** @type {Readonly<Record<string, string>>} */ section, /** @type {string} */ key) =>
  Object.hasOwn(section, key) ? (section[key] ?? key) : key

/** How long a fetched JWK Set is reused, in milliseconds, so that it is not fetched again at every keystroke. */
const maxKeysAge = 30_000
/** @type {{ at: number, keys: Promise<readonly Record<string, unknown>[] | 'noKeys'> } | undefined} */
let fetched

/** @returns {Promise<readonly Record<string, unknown>[] | 'noKeys' | 'noCrypto'>} */
async function findKeys() {
  // Only available in a secure context: https, or localhost.
  if (!globalThis.crypto?.subtle) return 'noCrypto'
  if (!fetched || Date.now() - fetched.at > maxKeysAge) fetched = { at: Date.now(), keys: fetchKeys() }
  const keys = await fetched.keys
  if (keys === 'noKeys') fetched = undefined
  return keys
}

/** @returns {Promise<readonly Record<string, unknown>[] | 'noKeys'>} */
async function fetchKeys() {
  try {
    // `no-cache` revalidates: the set may have a key that is newer than the cached one.
    const response = await fetch('/.well-known/jwks.json', { cache: 'no-cache', credentials: 'omit' })
    if (!response.ok) return 'noKeys'
    const { keys } = await response.json()
    return Array.isArray(keys) ? keys : 'noKeys'
  } catch {
    return 'noKeys'
  }
}

const seconds = () => Date.now() / 1000

/** Counts the calls of `inspectInput`, so that a slow one does not overwrite the result of a later one. */
let calls = 0
/** When the verdict changes without input: the next `exp` or `nbf`. Seconds since 1970. */
let nextChange = Number.POSITIVE_INFINITY

/** @param {string} [remark] shown before the findings */
async function inspectInput(remark) {
  const current = ++calls
  const token = readToken(input.value)
  nextChange = Number.POSITIVE_INFINITY
  if (token.kind === 'empty') return show('', [])
  if (token.kind === 'notJwt' || token.kind === 'tooLong')
    return show(textOf(inspectVerdicts, token.kind), [verdictBox(token.kind, token.findings, remark)])
  if (token.kind === 'encrypted') {
    const cards = [tokenBox(token.text), partCard('header', token.header)]
    return show(textOf(inspectVerdicts, 'encrypted'), [verdictBox('encrypted', token.findings, remark), ...cards])
  }
  const { verdict, findings } = await judge(token, { issuer, findKeys }, seconds())
  if (current !== calls) return
  for (const name of ['exp', 'nbf']) {
    const time = token.payload.members?.[name]
    if (typeof time === 'number' && time > seconds()) nextChange = Math.min(nextChange, time)
  }
  show(textOf(inspectVerdicts, verdict), [
    verdictBox(verdict, findings, remark),
    tokenBox(token.text),
    partCard('header', token.header),
    partCard('payload', token.payload),
    signatureCard(token.signature),
  ])
}

/**
 * @param {string} announced for screen readers
 * @param {HTMLElement[]} boxes
 */
function show(announced, boxes) {
  result.replaceChildren(...boxes)
  if (status.textContent !== announced) status.textContent = announced
}

/** @type {Readonly<Record<string, string>>} */
const tones = { genuine: 'good', unchecked: 'unsure', encrypted: 'unsure', elsewhere: 'unsure', notJwt: 'unsure' }

/**
 * @param {string} verdict
 * @param {readonly Finding[]} findings
 * @param {string | undefined} remark
 */
function verdictBox(verdict, findings, remark) {
  const order = ['bad', 'good', 'note']
  const sorted = findings.toSorted((one, other) => order.indexOf(one.tone) - order.indexOf(other.tone))
  return element(
    'div',
    { class: `verdict ${tones[verdict] ?? 'bad'}` },
    element('h3', { class: 'verdict-title' }, textOf(inspectVerdicts, verdict)),
    ...(remark === undefined ? [] : [element('p', { class: 'remark' }, remark)]),
    element(
      'ul',
      { class: 'findings' },
      ...sorted.map(({ tone, key, values = {} }) => {
        const nodes = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, valueNode(value)]))
        const sign = element('span', { class: 'unseen' }, `${textOf(inspectFindings, tone)} `)
        return element(
          'li',
          { class: `finding ${tone}` },
          sign,
          element('span', {}, ...fill(textOf(inspectFindings, key), nodes)),
        )
      }),
    ),
  )
}

/**
 * @param {Value} value
 * @returns {Node | string}
 */
function valueNode(value) {
  if (typeof value === 'string') return element('bdi', { class: 'said' }, value)
  if ('part' in value) return textOf(inspect, value.part)
  return timeNode(value.seconds)
}

/** @param {number} time seconds since 1970 */
function timeNode(time) {
  const shown = timeInWords(time, seconds(), locale)
  if (!shown) return element('span', {}, textOf(inspect, 'noDate'))
  const words = element('span', { 'data-seconds': String(time) }, shown.words)
  return element('time', { datetime: shown.iso }, words, ` (${shown.date})`)
}

/** @param {string} text */
function tokenBox(text) {
  // A long token scrolls, so the box must be reachable by keyboard.
  const attributes = { class: 'token-box', role: 'group', tabindex: '0', 'aria-label': textOf(inspect, 'colours') }
  return element('div', attributes, colouredToken(text, inspect))
}

/**
 * @param {'header' | 'payload'} name
 * @param {Part} part
 */
function partCard(name, { pretty, members }) {
  const card = element(
    'section',
    { class: `part-card ${name}`, 'aria-labelledby': `${name}-title` },
    element('h3', { class: 'part-title', id: `${name}-title` }, textOf(inspect, name)),
    element('p', { class: 'about' }, textOf(inspect, `${name}Lead`)),
  )
  if (pretty === undefined) card.append(element('p', {}, textOf(inspect, 'notShown')))
  else card.append(element('pre', { class: 'json', dir: 'ltr' }, pretty))
  if (members) card.append(element('dl', { class: 'claims' }, ...Object.entries(members).map(claimRow)))
  return card
}

/** @param {[name: string, value: unknown]} member */
function claimRow([name, value]) {
  const explained = Object.hasOwn(inspectClaims, name) && name !== 'unknown' ? name : 'unknown'
  const time =
    times.includes(name) && typeof value === 'number' ? [element('p', { class: 'time' }, timeNode(value))] : []
  return element(
    'div',
    { class: 'claim' },
    element('dt', {}, element('bdi', {}, visible(name))),
    element('dd', {}, ...time, element('p', {}, textOf(inspectClaims, explained))),
  )
}

/** @param {{ bytes: Uint8Array | undefined }} signature */
function signatureCard({ bytes }) {
  const card = element(
    'section',
    { class: 'part-card signature', 'aria-labelledby': 'signature-title' },
    element('h3', { class: 'part-title', id: 'signature-title' }, textOf(inspect, 'signature')),
  )
  if (!bytes) card.append(element('p', {}, textOf(inspect, 'notShown')))
  else {
    const digits = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ')
    const lead = fill(textOf(inspect, 'signatureLead'), { count: String(bytes.length) })
    card.append(element('p', { class: 'about' }, ...lead))
    if (digits) card.append(element('p', { class: 'bytes', dir: 'ltr' }, digits))
  }
  return card
}

/** A token with claims of every kind. Its signature is random. */
function exampleToken() {
  const now = Math.floor(seconds())
  const header = { alg: 'ES256', typ: 'at+jwt', kid: 'example-key' }
  const payload = {
    iss: issuer,
    sub: 'cXVpZXQgcGxhY2VzIGFy',
    aud: 'https://invoices.example',
    client_id: 'client_of_an_example',
    scope: 'openid invoices:read',
    iat: now - 120,
    exp: now + 780,
    jti: 'b25lIG9mIGEga2luZA',
    auth_time: now - 3600,
    favourite_colour: 'verdigris',
  }
  const signature = String.fromCharCode(...crypto.getRandomValues(new Uint8Array(64)))
  const encode = (/** @type {string} */ binary) =>
    btoa(binary).replace(/=+$/, '').replace(/\+/g, '-').replace(/\//g, '_')
  return [JSON.stringify(header), JSON.stringify(payload), signature].map(encode).join('.')
}

/** @type {number | undefined} */
let waiting
input.addEventListener('input', () => {
  window.clearTimeout(waiting)
  waiting = window.setTimeout(inspectInput, 150)
})
byId('example', HTMLButtonElement).addEventListener('click', () => {
  input.value = exampleToken()
  inspectInput(textOf(inspect, 'exampleTold'))
})
byId('clear', HTMLButtonElement).addEventListener('click', () => {
  input.value = ''
  inspectInput()
  input.focus()
})

// "12 minutes ago" must be kept up to date, and the token may expire while it is shown.
setInterval(() => {
  if (seconds() >= nextChange) inspectInput()
  for (const words of result.querySelectorAll('[data-seconds]')) {
    const shown = timeInWords(Number(words.getAttribute('data-seconds')), seconds(), locale)
    if (shown && words.textContent !== shown.words) words.textContent = shown.words
  }
}, 1000)

tryBothWays(texts)
