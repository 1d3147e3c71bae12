import { randomInt } from 'node:crypto'
import type { ErrorName } from '../protocol/errors/error-registry.ts'
import type { GrantId } from '../records/ids.ts'

/*
 * The rules for requests of devices without a browser (RFC 8628): the two codes, and what a device is told that asks for its tokens.
 */

/** Seconds that a person has to sign in and decide. Short, because a code that a stranger sent is useless afterwards (RFC 8628 §5.4). */
export const deviceRequestTtl = 600

/** The seconds that a device waits between two requests (RFC 8628 §3.2). */
export const pollInterval = 5

/** The seconds by which the interval grows when a device asks too soon (RFC 8628 §3.5). */
export const slowDownStep = 5

/** RFC 8628 §6.1: no vowels, so that no words appear, and no letters that look like others. Eight of them have 34.5 bits. */
const letters = 'BCDFGHJKLMNPQRSTVWXZ'
const codeLength = 8

/** A code that a person types, as it is stored: without a hyphen. */
export type UserCode = string & { readonly userCode: unique symbol }

export function newUserCode(): UserCode {
  return Array.from({ length: codeLength }, () => letters[randomInt(letters.length)]).join('') as UserCode
}

/** The maximum length of what somebody types as a code, in characters. */
const maxTyped = 64

/**
 * Reads what a person typed. Case does not count, and characters that are not letters are ignored, such as hyphens and spaces (RFC 8628 §6.1).
 *
 * @returns undefined if it cannot be a code
 */
export function readUserCode(typed: string | undefined): UserCode | undefined {
  if (typed === undefined || typed.length > maxTyped) return undefined
  const code = typed.replace(/[^A-Za-z]/g, '').toUpperCase()
  return code.length === codeLength && [...code].every((letter) => letters.includes(letter))
    ? (code as UserCode)
    : undefined
}

/** The code as people see it: `WDJB-MJHT`. */
export function shownUserCode(code: UserCode): string {
  return `${code.slice(0, codeLength / 2)}-${code.slice(codeLength / 2)}`
}

/** The state of a request when its device asks for the tokens. */
export interface PolledRequest {
  /** Whether the device asked again before the interval was over. */
  readonly isTooSoon: boolean
  /** In seconds, after this request. */
  readonly interval: number
  readonly expired: boolean
  readonly denied: boolean
  /** Undefined until somebody has allowed it. */
  readonly grantId: GrantId | undefined
  readonly grantEnded: boolean
  /** Seconds since the device received its tokens; undefined if it has not. */
  readonly spentAgo: number | undefined
}

export type PollVerdict<Request> =
  | { readonly verdict: 'allowed'; readonly request: Request }
  | { readonly verdict: 'replayed'; readonly request: Request; readonly secondsAgo: number }
  | { readonly verdict: 'refused'; readonly error: ErrorName; readonly detail: string; readonly isRecorded: boolean }

/**
 * What a device that asks for its tokens is told (RFC 8628 §3.5). The person's decision counts even if the device asked too soon: `slow_down`
 * is a variant of `authorization_pending`.
 *
 * @param request undefined if there is none with this device code for this client
 */
export function judgePoll<Request extends PolledRequest>(request: Request | undefined): PollVerdict<Request> {
  if (!request) return refused('device_code_unknown', 'device_code: not found for this client')
  if (request.spentAgo !== undefined) return { verdict: 'replayed', request, secondsAgo: Math.round(request.spentAgo) }
  if (request.denied) return refused('device_denied', 'device_code: the person denied the request')
  if (request.expired)
    return refused('device_code_expired', 'device_code: nobody decided in time, or the device asked too late')
  if (request.grantId !== undefined)
    return request.grantEnded
      ? refused('device_code_unknown', `device_code: grant ${request.grantId} has ended`)
      : { verdict: 'allowed', request }
  // Devices ask again and again. A row for each of these answers would fill the record of refusals.
  if (!request.isTooSoon)
    return { ...refused('device_pending', 'device_code: nobody has decided yet'), isRecorded: false }
  const isFirst = request.interval === pollInterval + slowDownStep
  return {
    ...refused('device_too_fast', `device_code: the interval is now ${request.interval} seconds`),
    isRecorded: isFirst,
  }
}

function refused(error: ErrorName, detail: string) {
  return { verdict: 'refused', error, detail, isRecorded: true } as const
}
