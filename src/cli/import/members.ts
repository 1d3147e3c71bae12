import type { JsonObject } from '#verify/strict-json'
import { shown } from '../../records/plain-text.ts'

/** An entry of an export, translated: something to import, or why it is not. */
export type Translated<Item> =
  | { readonly kind: 'import'; readonly id: string; readonly item: Item; readonly notes: readonly string[] }
  /** `skip`: it does not belong here, for example a client that the other system has for itself. */
  | { readonly kind: 'skip' | 'refuse'; readonly id: string; readonly reason: string }

/** The end of a translation: the entry cannot be imported. The message is a sentence. */
export class Refused extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'Refused'
  }
}

/** Reads own members of an object by type. An empty text, null and an absent member are equivalent. Functions throw Refused for another type. */
export function membersOf(value: JsonObject) {
  const seen = new Set<string>()
  const member = (name: string): unknown => {
    seen.add(name)
    return Object.hasOwn(value, name) ? (value[name] ?? undefined) : undefined
  }
  const text = (name: string): string | undefined => {
    const found = member(name)
    if (found === undefined || found === '') return undefined
    if (typeof found === 'string') return found
    throw new Refused(`${name} must be a text.`)
  }
  return {
    text,
    value: member,
    flag: (name: string): boolean | undefined => {
      const found = member(name)
      if (found === undefined || typeof found === 'boolean') return found
      throw new Refused(`${name} must be true or false.`)
    },
    texts: (name: string): string[] | undefined => {
      const found = member(name)
      if (found === undefined) return undefined
      if (Array.isArray(found) && found.every((one) => typeof one === 'string')) return found
      throw new Refused(`${name} must be a list of texts.`)
    },
    object: (name: string): JsonObject | undefined => {
      const found = member(name)
      if (found === undefined) return undefined
      if (typeof found === 'object' && !Array.isArray(found)) return found as JsonObject
      throw new Refused(`${name} must be an object.`)
    },
    objects: (name: string): JsonObject[] => {
      const found = member(name) ?? []
      if (Array.isArray(found) && found.every((one) => typeof one === 'object' && one !== null && !Array.isArray(one)))
        return found
      throw new Refused(`${name} must be a list of objects.`)
    },
    /** A note for each member with a value that nothing has read. */
    unread: (): string[] =>
      Object.keys(value)
        .filter((name) => !seen.has(name) && !isEmpty(value[name]))
        .map((name) => notTakenOver(shown(name))),
  }
}

export type Members = ReturnType<typeof membersOf>

/** What an entry is called in the report: the first of these members that is a text or a number. Nothing has been checked yet. */
export function nameOf(row: JsonObject, ...members: readonly string[]): string {
  const values = members.map((name) => row[name])
  return String(values.find((value) => typeof value === 'string' || typeof value === 'number') ?? '')
}

export function notTakenOver(what: string): string {
  return `${what} is not taken over.`
}

/** Whether a value says nothing: exports contain every member, whether or not it was ever set. */
export function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === false) return true
  return typeof value === 'object' && Object.keys(value).length === 0
}

/** Runs a translation, and turns what it throws into a refusal. */
export function translated<Item>(id: string, translate: () => Translated<Item>): Translated<Item> {
  try {
    return translate()
  } catch (error) {
    if (error instanceof Error && (error.name === 'Refused' || error.name === 'InvalidProfile'))
      return { kind: 'refuse', id, reason: error.message }
    throw error
  }
}
