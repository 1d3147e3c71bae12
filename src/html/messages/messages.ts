import type { ComponentChildren } from 'preact'
import type { Brand } from '../brand.ts'
import type { en } from './en.ts'

/** The texts of one language. Every language has exactly the same keys as English. */
export type Messages = {
  readonly [Section in keyof typeof en]: { readonly [Key in keyof (typeof en)[Section]]: string }
}

/** What can be wrong with what a person typed: the key of its message. */
export type Fault = Exclude<keyof Messages['faults'], 'retry_in' | 'retry_later'>

/** The language of a page and its texts. */
export interface PageLanguage {
  readonly messages: Messages
  /** A BCP 47 tag: the language of `messages`. */
  readonly locale: string
}

/** What every page needs: its language, and whose page it is. */
export interface PageContext extends PageLanguage {
  readonly brand: Brand
}

/**
 * Fills in the placeholders of a message. Inserted values are never read as messages themselves, so a client named `{host}`
 * is shown as `{host}`.
 *
 * @param message a text with placeholders such as `{client}`
 * @param values the value of each placeholder
 * @throws if a placeholder has no value: a bug in a page, never caused by what a person sent
 */
export function fill(message: string, values: Readonly<Record<string, ComponentChildren>>): ComponentChildren[] {
  return message.split(/(\{[a-z]+\})/i).map((part) => {
    if (!/^\{[a-z]+\}$/i.test(part)) return part
    const placeholder = part.slice(1, -1)
    if (!Object.hasOwn(values, placeholder)) throw new Error(`No value for ${part} in: ${message}`)
    return values[placeholder]
  })
}

/** The same as `fill`, where only text is allowed: titles, attributes. */
export function fillText(message: string, values: Readonly<Record<string, string>>): string {
  return fill(message, values).join('')
}

/** Faults that go away with time: their message says when to try again. */
const temporary: ReadonlySet<Fault> = new Set<Fault>(['too_many_attempts', 'busy'])

interface Figures {
  readonly retryAfterSeconds?: number | undefined
  /** In characters. */
  readonly minPasswordLength?: number | undefined
  /** The endings of addresses that can be used: `@example.com`. */
  readonly domains?: readonly string[] | undefined
}

/** What went wrong and what to do about it, in one or two sentences. */
export function faultText({ messages, locale }: PageLanguage, fault: Fault, figures: Figures = {}): string {
  const { faults } = messages
  const { retryAfterSeconds, minPasswordLength, domains = [] } = figures
  const values = { min: String(minPasswordLength ?? ''), domains: alternatives(domains, locale) }
  const text = fillText(faults[fault], values)
  if (!temporary.has(fault)) return text
  if (retryAfterSeconds === undefined) return `${text} ${faults.retry_later}`
  return `${text} ${fillText(faults.retry_in, { time: durationInWords(retryAfterSeconds, locale) })}`
}

/** More would make a sentence that nobody reads. */
const maxAlternatives = 8

/**
 * Several texts as alternatives: `@example.com or @example.org`.
 *
 * @param locale a BCP 47 tag
 */
export function alternatives(texts: readonly string[], locale: string): string {
  const shown = texts.length > maxAlternatives ? [...texts.slice(0, maxAlternatives - 1), '…'] : texts
  return new Intl.ListFormat(locale, { type: 'disjunction' }).format(shown)
}

/**
 * A duration in words. It is rounded up, so that nobody tries again too early.
 *
 * @param seconds shown as at least one
 * @param locale a BCP 47 tag
 */
export function durationInWords(seconds: number, locale: string): string {
  const [unit, length] =
    seconds <= 90 ? (['second', 1] as const) : seconds <= 5400 ? (['minute', 60] as const) : (['hour', 3600] as const)
  return new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'long' }).format(
    Math.max(1, Math.ceil(seconds / length)),
  )
}
