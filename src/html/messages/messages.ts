import type { ComponentChildren } from 'preact'
import type { en } from './en.ts'

/** The sentences of one language: every language has exactly the keys of English. */
export type Messages = {
  readonly [Section in keyof typeof en]: { readonly [Key in keyof (typeof en)[Section]]: string }
}

/** What can be wrong with what a person typed: the key of its sentence. */
export type Fault = Exclude<keyof Messages['faults'], 'retry_in' | 'retry_later'>

/** What every page is given: the language it is written in, as `chooseMessages` finds it. */
export interface PageContext {
  readonly messages: Messages
  /** A BCP 47 tag: the language of `messages`. */
  readonly locale: string
}

/**
 * Puts things into the places of a message. What is put in is never read as a message itself, so a client named `{host}`
 * stays a client named `{host}`.
 *
 * @param message a sentence with places such as `{client}`
 * @param things what stands in each place
 * @throws if the message has a place for which nothing was given: a mistake in a page, never in what a person sent
 */
export function fill(message: string, things: Readonly<Record<string, ComponentChildren>>): ComponentChildren[] {
  return message.split(/(\{[a-z]+\})/i).map((part) => {
    if (!/^\{[a-z]+\}$/i.test(part)) return part
    const place = part.slice(1, -1)
    if (!Object.hasOwn(things, place)) throw new Error(`Nothing was given for ${part} in: ${message}`)
    return things[place]
  })
}

/** As `fill`, for places that take text only: titles, attributes. */
export function fillText(message: string, things: Readonly<Record<string, string>>): string {
  return fill(message, things).join('')
}

/** Faults that pass with time: their sentence says when. */
const passing: ReadonlySet<Fault> = new Set<Fault>(['too_many_attempts', 'busy'])

interface Figures {
  readonly retryAfterSeconds?: number | undefined
  /** In characters. */
  readonly minPasswordLength?: number | undefined
}

/** What went wrong and what to do about it, as a sentence or two. */
export function faultText({ messages, locale }: PageContext, fault: Fault, figures: Figures = {}): string {
  const { faults } = messages
  const { retryAfterSeconds, minPasswordLength } = figures
  const said = fillText(faults[fault], { min: String(minPasswordLength ?? '') })
  if (!passing.has(fault)) return said
  if (retryAfterSeconds === undefined) return `${said} ${faults.retry_later}`
  return `${said} ${fillText(faults.retry_in, { time: durationInWords(retryAfterSeconds, locale) })}`
}

/**
 * A length of time as a person says it. It is rounded up, so that nobody tries again too early.
 *
 * @param seconds at least one is said
 * @param locale a BCP 47 tag
 */
export function durationInWords(seconds: number, locale: string): string {
  const [unit, length] =
    seconds <= 90 ? (['second', 1] as const) : seconds <= 5400 ? (['minute', 60] as const) : (['hour', 3600] as const)
  return new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'long' }).format(
    Math.max(1, Math.ceil(seconds / length)),
  )
}
