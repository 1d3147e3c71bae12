import { shown } from '../plain-text.ts'
import type { ClientMetadata } from './client.ts'

type InvalidClientMetadataCode = 'invalid_redirect_uri' | 'invalid_client_metadata' | 'unapproved_software_statement'

/** Metadata that cannot be registered, with the error code of RFC 7591 §3.2.2 and a description in ASCII. */
export class InvalidClientMetadata extends Error {
  readonly code: InvalidClientMetadataCode
  constructor(code: InvalidClientMetadataCode, description: string) {
    super(description)
    this.name = 'InvalidClientMetadata'
    this.code = code
  }
}

/**
 * Unchecked metadata: names of `ClientMetadata` with values of any type. Other names are ignored (RFC 7591 §2). An absent value, undefined and null
 * are equivalent. The caller of these functions decides whether `first_party`, `require_pkce`, `refresh_token_rotation`, `resources`,
 * `id_token_profile_claims` and `groups` may be set at all.
 */
export type MetadataInput = Readonly<Record<string, unknown>>

/** The maximum number of entries in a list, and of scopes of a client. */
export const maxEntries = 50
const maxSeconds = 3650 * 86_400

/**
 * Reads members by name and type. Only own members are read, because the input is untrusted and may contain `__proto__`.
 *
 * @returns functions that return the value of a member, or undefined if it is absent, and throw InvalidClientMetadata
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
      if (value.length > maxEntries) throw invalid(`${name} must not have more than ${maxEntries} entries.`)
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
      if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= maxSeconds) return value
      throw invalid(`${name} must be a whole number of seconds, at most ${maxSeconds}.`)
    },
    oneOf: <T extends string>(name: keyof ClientMetadata, values: readonly T[]): T | undefined => {
      const value = text(name)
      const known = values.find((candidate) => candidate === value)
      if (value !== undefined && known === undefined)
        throw invalid(`${name} '${shown(value)}' is not supported: it must be one of ${values.join(', ')}.`)
      return known
    },
  }
}

export function invalid(description: string): InvalidClientMetadata {
  return new InvalidClientMetadata('invalid_client_metadata', description)
}
