import { shown } from '../plain-text.ts'
import type { ClientMetadata } from './client.ts'

type InvalidClientMetadataCode = 'invalid_redirect_uri' | 'invalid_client_metadata'

/** Metadata that cannot be registered, with the code of RFC 7591 §3.2.2 and a plain sentence in ASCII. */
export class InvalidClientMetadata extends Error {
  readonly code: InvalidClientMetadataCode
  constructor(code: InvalidClientMetadataCode, description: string) {
    super(description)
    this.name = 'InvalidClientMetadata'
    this.code = code
  }
}

/**
 * Metadata as somebody wrote it: names of `ClientMetadata` with values of whatever type. Other names mean nothing here and are
 * passed over (RFC 7591 §2). An absent value, undefined and null are the same. Whether a caller may set `first_party`,
 * `require_pkce`, `refresh_token_rotation` and `resources` at all is for who calls to decide.
 */
export type MetadataInput = Readonly<Record<string, unknown>>

/** Entries of a list, and scopes of a client. */
export const mostEntries = 50
const mostSeconds = 3650 * 86_400

/**
 * Reads members by name and type. Own members only: the input may come from anywhere, `__proto__` included.
 *
 * @returns functions that give a member's value, or undefined where it is absent, and throw InvalidClientMetadata
 */
export function readMembers(input: MetadataInput) {
  const member = (name: keyof ClientMetadata): unknown =>
    Object.hasOwn(input, name) ? (input[name] ?? undefined) : undefined
  const text = (name: keyof ClientMetadata): string | undefined => {
    const value = member(name)
    if (value === undefined || typeof value === 'string') return value
    throw invalid(`${name} must be a string.`)
  }
  return {
    text,
    value: member,
    texts: (name: keyof ClientMetadata): string[] | undefined => {
      const value = member(name)
      if (value === undefined) return undefined
      if (!Array.isArray(value) || !value.every((entry) => typeof entry === 'string'))
        throw invalid(`${name} must be a list of strings.`)
      if (value.length > mostEntries) throw invalid(`${name} must not have more than ${mostEntries} entries.`)
      return [...new Set<string>(value)]
    },
    flag: (name: keyof ClientMetadata): boolean | undefined => {
      const value = member(name)
      if (value === undefined || typeof value === 'boolean') return value
      throw invalid(`${name} must be true or false.`)
    },
    seconds: (name: keyof ClientMetadata): number | undefined => {
      const value = member(name)
      if (value === undefined) return undefined
      if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= mostSeconds) return value
      throw invalid(`${name} must be a whole number of seconds, ${mostSeconds} at the most.`)
    },
    oneOf: <T extends string>(name: keyof ClientMetadata, values: readonly T[]): T | undefined => {
      const value = text(name)
      const known = values.find((candidate) => candidate === value)
      if (value !== undefined && known === undefined)
        throw invalid(`${name} '${shown(value)}' is not offered: it is one of ${values.join(', ')}.`)
      return known
    },
  }
}

export function invalid(description: string): InvalidClientMetadata {
  return new InvalidClientMetadata('invalid_client_metadata', description)
}
