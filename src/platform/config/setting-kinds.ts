import { availableParallelism } from 'node:os'
import { isAbsolute, resolve } from 'node:path'
import { isLoopbackHost } from '../network-address.ts'

/** One setting: how its text is parsed, and its row of the table in the documentation. */
export interface Setting<T> {
  /** The accepted values. Shown in the table and in the message about an invalid value. */
  readonly accepts: string
  /** The text used if the setting is not given. Undefined: the setting is then absent. */
  readonly default?: string
  /** The default in the table, if it is computed. */
  readonly defaultInWords?: string
  /** Secret settings can also come from a file named by `SIGNET_<NAME>_FILE`, and are never printed. */
  readonly secret?: true
  readonly about: string
  /** Returns undefined if the text is not valid. */
  parse(text: string, folder: string): T | undefined
  /** Says what is wrong with an invalid text. If the setting is secret, does not repeat the text. */
  fault?(text: string): string | undefined
}

interface Text {
  default?: string
  defaultInWords?: string
  secret?: true
  about: string
}

const secondsPerUnit = { s: 1, m: 60, h: 3600, d: 86_400 } as const

/** Parses a duration such as `15m` or `90d`. Returns whole seconds, or undefined if the text is not a duration. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,6})([smhd])$/.exec(text)
  if (!match) return undefined
  return Number(match[1]) * secondsPerUnit[match[2] as keyof typeof secondsPerUnit]
}

/** Formats seconds as in the settings: in the largest unit that leaves no remainder. */
export function formatDuration(seconds: number): string {
  for (const unit of ['d', 'h', 'm'] as const)
    if (seconds > 0 && seconds % secondsPerUnit[unit] === 0) return `${seconds / secondsPerUnit[unit]}${unit}`
  return `${seconds}s`
}

/** Ten years. Anything longer is probably the wrong unit, and much longer ones overflow the database's integers. */
const maxDuration = 3650 * 86_400

export const duration = (about: string, defaultText: string, min = 1, max = maxDuration): Setting<number> => ({
  accepts: `a duration such as \`15m\`, \`24h\` or \`90d\`, from ${formatDuration(min)} to ${formatDuration(max)}`,
  default: defaultText,
  about,
  parse: (text) => {
    const seconds = parseDuration(text)
    return seconds !== undefined && seconds >= min && seconds <= max ? seconds : undefined
  },
})

export const oneOf = <const T extends string>(values: readonly T[], defaultValue: T, about: string): Setting<T> => ({
  accepts: values.map((value) => `\`${value}\``).join(', '),
  default: defaultValue,
  about,
  parse: (text) => values.find((value) => value === text),
})

export const folderPath = (defaultPath: string, about: string): Setting<string> => ({
  accepts: 'a path',
  default: defaultPath,
  about,
  parse: (text, folder) => (isAbsolute(text) ? text : resolve(folder, text)),
})

export const filePath = (about: string): Setting<string> => ({
  accepts: 'a path',
  about,
  parse: (text, folder) => (isAbsolute(text) ? text : resolve(folder, text)),
})

export const wholeNumber = (from: number, to: number, text: Text): Setting<number> => ({
  accepts: `a whole number from ${from} to ${to}`,
  ...text,
  parse: (value) => {
    const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN
    return number >= from && number <= to ? number : undefined
  },
})

/** The processes that serve requests. The result is a number. */
export const workerCount: Setting<number> = {
  accepts: '`auto`, or a whole number from 1 to 64',
  default: '1',
  about:
    'How many processes answer requests, on one port. With more than 1, there is one more process that starts them and does everything else. `auto`: one for each processor core that this process may use.',
  parse: (text) => {
    if (text === 'auto') return Math.min(availableParallelism(), 64)
    const number = /^\d{1,2}$/.test(text) ? Number(text) : 0
    return number >= 1 && number <= 64 ? number : undefined
  },
}

export const masterKey = (about: string, defaultInWords?: string): Setting<Buffer> => ({
  accepts: '32 bytes, base64url',
  ...(defaultInWords ? { defaultInWords } : {}),
  secret: true,
  about,
  parse: (text) => (/^[A-Za-z0-9_-]{43}$/.test(text) ? Buffer.from(text, 'base64url') : undefined),
})

/** The database refuses to delete younger events (sql/017.do.event-retention.sql). */
const minRetention = 30 * 86_400

export const eventRetention: Setting<number | 'forever'> = {
  accepts: `\`forever\`, or a duration such as \`180d\`, from ${formatDuration(minRetention)} to ${formatDuration(maxDuration)}`,
  default: '365d',
  about: 'How long events are kept. Older ones are deleted.',
  parse: (text) => {
    if (text === 'forever') return text
    const seconds = parseDuration(text)
    return seconds !== undefined && seconds >= minRetention && seconds <= maxDuration ? seconds : undefined
  },
}

/**
 * Parses an issuer identifier (OpenID Connect Discovery §3, RFC 8414 §2: https, no query, no fragment). Signet's also has no path. It is
 * compared exactly, so it must be in canonical form.
 *
 * @returns undefined for anything else
 */
export function parseIssuer(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined
  const url = new URL(text)
  if (url.origin !== text || url.port === '0') return undefined
  // URL parsers accept a trailing dot, which is a second spelling of the same host, and `*`, which is not valid in a host name.
  if (url.hostname.endsWith('.') || url.hostname.includes('*')) return undefined
  if (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopbackHost(url.hostname))) return text
  return undefined
}

/** In code points. Longer names do not fit in a browser's tab or above the card on a phone. */
const maxNameLength = 60

/** The name of the installation. Any script is fine; invisible characters are not: they make one name look like another. */
export const installationName: Setting<string> = {
  accepts: `1 to ${maxNameLength} visible characters`,
  default: 'Signet',
  about: 'The name of this installation, on every page and in every title.',
  parse: (text) => (nameFault(text) === undefined ? text : undefined),
  fault: nameFault,
}

function nameFault(text: string): string | undefined {
  if ([...text].length > maxNameLength) return `it has ${[...text].length} characters`
  if (text.trim() !== text) return 'it begins or ends with a space'
  // Zero-width joiners are part of words in Persian and Hindi, and of emoji; U+FFFD is what invalid UTF-8 becomes.
  const invisible =
    /[\p{Cc}\p{Co}\p{Cs}\p{Zl}\p{Zp}\ufffd]|(?!\u200c|\u200d|\ufe0f)\p{Default_Ignorable_Code_Point}/u.exec(text)
  const code = invisible?.[0].codePointAt(0)
  if (code !== undefined) return `it contains the character U+${code.toString(16).toUpperCase().padStart(4, '0')}`
  return /[\p{L}\p{N}\p{S}]/u.test(text) ? undefined : 'it contains no letter'
}

/** The accent colour of the pages. The result is `#rrggbb` in lower case. */
export const accentColor: Setting<string> = {
  accepts: '`#rrggbb` or `rrggbb`; in `.env` and YAML, `#` needs quotes',
  about:
    'The colour of buttons, links and marks. Signet derives a lighter or darker shade wherever the colour itself would have too little contrast.',
  parse: (text) => {
    const digits = /^#?([0-9a-f]{6})$/i.exec(text)?.[1]
    return digits && `#${digits.toLowerCase()}`
  },
}

/**
 * An address that pages link to: https, or http on loopback, without credentials, which could make it look like the address of another host.
 *
 * @param alternative `mailto`: an e-mail address is accepted, too
 */
export const linkTarget = (about: string, alternative?: 'mailto'): Setting<string> => ({
  accepts: `an https URL (http if the host is loopback)${alternative ? ', or `mailto:` and an e-mail address' : ''}`,
  about,
  parse: (text) => {
    if (text.length > 2_000) return undefined
    // One address and no header fields (RFC 6068 §2), so that the link does nothing but address a mail.
    if (alternative && /^mailto:[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+$/.test(text)) return text
    if (!/^https?:\/\/[^\s\\]+$/.test(text) || !URL.canParse(text)) return undefined
    const { protocol, hostname, username, password, href } = new URL(text)
    if (username !== '' || password !== '') return undefined
    return protocol === 'https:' || isLoopbackHost(hostname) ? href : undefined
  },
})
