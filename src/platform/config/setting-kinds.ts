import { isAbsolute, resolve } from 'node:path'
import { isLoopbackHost } from '../network-address.ts'

/** One setting: how its text is read, and what the table in the documentation says of it. */
export interface Setting<T> {
  /** Shown in the table and in the message about a bad value. */
  readonly takes: string
  /** The text that stands where the environment names none; undefined: the setting is then absent. */
  readonly default?: string
  /** How the table writes the default where it is computed and not a text. */
  readonly defaultInWords?: string
  /** Secret settings can also come from a file named by `SIGNET_<NAME>_FILE`, and are never printed. */
  readonly secret?: true
  readonly about: string
  /** Returns undefined for a text that is no value of this setting. */
  parse(text: string, folder: string): T | undefined
  /** Says what is wrong with a text that is no value. Where the setting is secret, it does not repeat the text. */
  fault?(text: string): string | undefined
}

interface Text {
  default?: string
  defaultInWords?: string
  secret?: true
  about: string
}

const secondsPerUnit = { s: 1, m: 60, h: 3600, d: 86_400 } as const

/** Reads a duration such as `15m` or `90d`; returns whole seconds, or undefined where the text is no duration. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,6})([smhd])$/.exec(text)
  if (!match) return undefined
  return Number(match[1]) * secondsPerUnit[match[2] as keyof typeof secondsPerUnit]
}

/** Writes seconds the way the settings do: the largest unit that leaves no remainder. */
export function formatDuration(seconds: number): string {
  for (const unit of ['d', 'h', 'm'] as const)
    if (seconds > 0 && seconds % secondsPerUnit[unit] === 0) return `${seconds / secondsPerUnit[unit]}${unit}`
  return `${seconds}s`
}

/** Ten years. What is longer is a slip of the unit, and overflows the database's integers before long. */
const longest = 3650 * 86_400

export const duration = (about: string, standard: string, atLeast = 1, atMost = longest): Setting<number> => ({
  takes: `a duration such as \`15m\`, \`24h\` or \`90d\`, from ${formatDuration(atLeast)} to ${formatDuration(atMost)}`,
  default: standard,
  about,
  parse: (text) => {
    const seconds = parseDuration(text)
    return seconds !== undefined && seconds >= atLeast && seconds <= atMost ? seconds : undefined
  },
})

export const oneOf = <const T extends string>(values: readonly T[], standard: T, about: string): Setting<T> => ({
  takes: values.map((value) => `\`${value}\``).join(', '),
  default: standard,
  about,
  parse: (text) => values.find((value) => value === text),
})

export const folderPath = (standard: string, about: string): Setting<string> => ({
  takes: 'a path',
  default: standard,
  about,
  parse: (text, folder) => (isAbsolute(text) ? text : resolve(folder, text)),
})

export const filePath = (about: string): Setting<string> => ({
  takes: 'a path',
  about,
  parse: (text, folder) => (isAbsolute(text) ? text : resolve(folder, text)),
})

export const wholeNumber = (from: number, to: number, text: Text): Setting<number> => ({
  takes: `a whole number from ${from} to ${to}`,
  ...text,
  parse: (value) => {
    const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN
    return number >= from && number <= to ? number : undefined
  },
})

export const masterKey = (about: string, defaultInWords?: string): Setting<Buffer> => ({
  takes: '32 bytes, base64url',
  ...(defaultInWords ? { defaultInWords } : {}),
  secret: true,
  about,
  parse: (text) => (/^[A-Za-z0-9_-]{43}$/.test(text) ? Buffer.from(text, 'base64url') : undefined),
})

/** The database refuses to delete an event that is younger (sql/017.do.event-retention.sql). */
const shortestRetention = 30 * 86_400

export const eventRetention: Setting<number | 'forever'> = {
  takes: `\`forever\`, or a duration such as \`180d\`, from ${formatDuration(shortestRetention)} to ${formatDuration(longest)}`,
  default: '365d',
  about: 'How long an event is kept. Older ones are deleted.',
  parse: (text) => {
    if (text === 'forever') return text
    const seconds = parseDuration(text)
    return seconds !== undefined && seconds >= shortestRetention && seconds <= longest ? seconds : undefined
  },
}

/**
 * Reads an issuer identifier (OpenID Connect Discovery §3, RFC 8414 §2: https, no query, no fragment). Signet's has no path
 * either, and is compared exactly, so it must be written in its canonical form: returns undefined for anything else.
 */
export function parseIssuer(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined
  const url = new URL(text)
  if (url.origin !== text || url.port === '0') return undefined
  // URL parsers take these; they are two spellings of one host, and no host.
  if (url.hostname.endsWith('.') || url.hostname.includes('*')) return undefined
  if (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopbackHost(url.hostname))) return text
  return undefined
}
