// @ts-check
// Parses what was pasted, whatever it is. Checks only the format.

import { readJson, visible } from './json.js'

/**
 * Something to report: the key of a message and the values of its placeholders. `{ seconds }` is a point in time, in seconds since
 * 1970; `{ part }` names a part of the token.
 *
 * @typedef {'good' | 'bad' | 'note'} Tone
 * @typedef {'header' | 'payload' | 'signature'} PartName
 * @typedef {string | { seconds: number } | { part: PartName }} Value
 * @typedef {{ tone: Tone, key: string, values?: Readonly<Record<string, Value>> }} Finding
 */

/**
 * @typedef {object} Part
 * @property {string} encoded
 * @property {string | undefined} pretty undefined if it cannot be read
 * @property {Record<string, unknown> | undefined} members undefined if it is not a JSON object
 */

/**
 * @typedef {object} Jws
 * @property {'jws'} kind
 * @property {string} text
 * @property {Part} header
 * @property {Part} payload
 * @property {{ encoded: string, bytes: Uint8Array<ArrayBuffer> | undefined }} signature
 * @property {Finding[]} findings
 */

/**
 * @typedef {{ kind: 'empty' }} Empty
 * @typedef {{ kind: 'notJwt', findings: Finding[] } | { kind: 'tooLong', findings: Finding[] }} NotJwt
 * @typedef {{ kind: 'encrypted', text: string, header: Part, findings: Finding[] }} Jwe
 */

/** In characters. Signet refuses headers of more than 16 KiB. */
export const maxCharacters = 16_384

/**
 * @param {string} pasted
 * @returns {Empty | NotJwt | Jwe | Jws}
 */
export function readToken(pasted) {
  if (pasted.trim() === '') return { kind: 'empty' }
  if (pasted.length > maxCharacters) {
    const values = { count: String(pasted.length), most: String(maxCharacters) }
    return { kind: 'tooLong', findings: [bad('tooLong', values)] }
  }
  const { text, findings } = strip(pasted)
  if (text === '') return { kind: 'empty' }
  if (/^[{[]/.test(text) && readJson(pasted)) return { kind: 'notJwt', findings: [...findings, bad('jsonPasted')] }

  const parts = text.split('.')
  const [header = '', payload = '', signature = ''] = parts
  if (parts.length === 5)
    return {
      kind: 'encrypted',
      text,
      header: readPart('header', header, findings),
      findings: [...findings, note('jwe')],
    }
  if (parts.length !== 3) return { kind: 'notJwt', findings: [...findings, describe(text, parts.length)] }
  return {
    kind: 'jws',
    text,
    header: readPart('header', header, findings),
    payload: readPart('payload', payload, findings),
    signature: {
      encoded: signature,
      bytes: signature === '' ? new Uint8Array() : decode('signature', signature, findings),
    },
    findings,
  }
}

/**
 * Removes what is copied along with a token from a log, a header or a program.
 *
 * @param {string} pasted
 */
function strip(pasted) {
  /** @type {Finding[]} */
  const findings = []
  let text = pasted.trim().replace(/^authorization\s*:\s*/i, '')
  const unquoted = () => text.replace(/^["'`“”„‘’]+|["'`“”„‘’]+[,;]?$/gu, '').trim()
  const quoted = text !== unquoted()
  text = unquoted()
  const scheme = /^(Bearer|DPoP)\s+/i.exec(text)
  if (scheme) {
    findings.push(note('bearerTaken', { word: scheme[1] ?? '' }))
    text = text.slice(scheme[0].length)
  }
  if (quoted || text !== unquoted()) findings.push(note('quotesTaken'))
  text = unquoted()
  // White space around the token is ignored without a note. Within it, a terminal or a mail program has broken the lines.
  if (/\s/.test(text)) findings.push(note('spaceTaken'))
  return { text: text.replace(/\s+/g, ''), findings }
}

/**
 * What a text that is not a JWT looks like.
 *
 * @param {string} text
 * @param {number} count how many parts
 * @returns {Finding}
 */
function describe(text, count) {
  if (text.startsWith('eyJ') && count < 3) return bad('cutOff', { count: String(count) })
  if (count > 1) return bad('parts', { count: String(count) })
  if (/^[\w-]{91}$/.test(text)) return note('refreshToken')
  if (/^[\w-]{43}$/.test(text)) return note('codeLike')
  return note('opaque')
}

/**
 * @param {'header' | 'payload'} name
 * @param {string} encoded
 * @param {Finding[]} findings faults are added to it
 * @returns {Part}
 */
function readPart(name, encoded, findings) {
  const part = { part: name }
  const nothing = { encoded, pretty: undefined, members: undefined }
  if (encoded === '') {
    findings.push(bad('emptyPart', { part }))
    return nothing
  }
  const bytes = decode(name, encoded, findings)
  if (!bytes) return nothing
  let text
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    findings.push(bad('notUtf8', { part }))
    return nothing
  }
  const json = readJson(text)
  if (!json) {
    findings.push(bad('notJson', { part }))
    return { encoded, pretty: visible(text), members: undefined }
  }
  const { value, pretty, twice, proto, invisible } = json
  if (twice !== undefined) findings.push(bad('twice', { part, name: twice }))
  if (proto) findings.push(bad('proto', { part }))
  if (invisible) findings.push(note('invisible', { part }))
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    findings.push(bad('notObject', { part }))
    return { encoded, pretty, members: undefined }
  }
  return { encoded, pretty, members: /** @type {Record<string, unknown>} */ (value) }
}

/**
 * RFC 7515 §2: base64url without padding. Other unambiguous spellings are decoded too, but reported.
 *
 * @param {PartName} name
 * @param {string} encoded
 * @param {Finding[]} findings faults are added to it
 * @returns {Uint8Array<ArrayBuffer> | undefined}
 */
function decode(name, encoded, findings) {
  const part = { part: name }
  if (/[+/]/.test(encoded)) findings.push(bad('plainBase64', { part }))
  if (/=+$/.test(encoded)) findings.push(bad('padding', { part }))
  const text = encoded.replace(/=+$/, '').replace(/\+/g, '-').replace(/\//g, '_')
  const illegal = /[^\w-]/u.exec(text)
  if (illegal) {
    findings.push(bad('illegal', { part, place: String(illegal.index + 1), character: visible(illegal[0]) }))
    return undefined
  }
  if (text.length % 4 === 1) {
    findings.push(bad('length', { part, count: String(text.length) }))
    return undefined
  }
  const binary = atob(text.replace(/-/g, '+').replace(/_/g, '/'))
  if (btoa(binary).replace(/=+$/, '') !== text.replace(/-/g, '+').replace(/_/g, '/'))
    findings.push(bad('spelling', { part }))
  return Uint8Array.from(binary, (character) => character.charCodeAt(0))
}

/**
 * @param {string} key
 * @param {Record<string, Value>} [values]
 * @returns {Finding}
 */
export function bad(key, values = {}) {
  return { tone: 'bad', key, values }
}

/**
 * @param {string} key
 * @param {Record<string, Value>} [values]
 * @returns {Finding}
 */
export function note(key, values = {}) {
  return { tone: 'note', key, values }
}

/**
 * @param {string} key
 * @param {Record<string, Value>} [values]
 * @returns {Finding}
 */
export function good(key, values = {}) {
  return { tone: 'good', key, values }
}
