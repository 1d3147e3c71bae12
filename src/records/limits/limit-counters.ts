import { createHash } from 'node:crypto'
import { networkOfAddress } from '../../platform/network-address.ts'
import type { Backoff, Counter } from './sign-in-limits-store.ts'

/** How many attempts are allowed in how many seconds. */
export interface Limit {
  /** Its name in keys and metrics. */
  readonly name: string
  readonly points: number
  readonly seconds: number
}

const window = 15 * 60 // seconds
export const perName: Limit = { name: 'sign-in-name', points: 10, seconds: window }
export const perNetwork: Limit = { name: 'sign-in-network', points: 100, seconds: window }
export const signUps: Limit = { name: 'sign-up-network', points: 30, seconds: 3600 }
/** Forms of one invitation. Not counted by network: an office may accept all of its invitations on one morning. */
export const perInvitation: Limit = { name: 'invitation', points: 30, seconds: 3600 }
/** For public clients. An office may start many devices on one morning. */
export const deviceRequestsPerNetwork: Limit = { name: 'device-request-network', points: 100, seconds: window }
/** Bounds the rows that one client can cause, whatever it proves. */
export const deviceRequestsPerClient: Limit = { name: 'device-request-client', points: 10_000, seconds: window }
/**
 * Pushed authorization requests of clients that prove nothing, or that registered themselves. One is stored for each sign-in that begins, and an office may have
 * many on one morning.
 */
export const pushedRequestsPerNetwork: Limit = { name: 'pushed-request-network', points: 300, seconds: window }
/** Bounds the rows that one client can cause, whatever it proves. */
export const pushedRequestsPerClient: Limit = { name: 'pushed-request-client', points: 20_000, seconds: window }
/**
 * RFC 8628 §5.1: user codes have 34.5 bits. With a thousand pending requests, all attempts of one network find one of them in about twelve years.
 */
export const userCodesPerNetwork: Limit = { name: 'user-code-network', points: 60, seconds: window }
export const userCodesPerPerson: Limit = { name: 'user-code-person', points: 20, seconds: window }
/**
 * Answers of passkeys that were refused. Signatures cannot be guessed: this bounds the events. Answers that are correct are not counted, so nobody is
 * kept out.
 */
export const refusedPasskeysPerNetwork: Limit = { name: 'passkey-network', points: 100, seconds: window }
/** Requests for a link to set a new password. Each adds a job and sends at most one mail. */
export const recoveriesPerNetwork: Limit = { name: 'recovery-network', points: 30, seconds: window }
/** All networks together. It bounds the jobs that wait if somebody uses very many networks, or if nothing processes jobs. */
export const recoveries: Limit = { name: 'recovery-all', points: 10_000, seconds: window }
/** Forms of one link, each of which can look a password up at another server. */
export const perRecovery: Limit = { name: 'recovery-link', points: 30, seconds: 3600 }
/** From one network for one name, as it was typed. Never visible. */
export const recoveriesPerName: Limit = { name: 'recovery-name', points: 10, seconds: window }
/** Mails that people who are signed in ask for, to verify an address. */
export const verificationsPerPerson: Limit = { name: 'verification-person', points: 10, seconds: 3600 }
export const verificationsPerNetwork: Limit = { name: 'verification-network', points: 60, seconds: 3600 }
/**
 * Mails to one address that somebody else can cause, for each kind of request. Never visible. A person who has forgotten the password can still
 * use each of the links that the last mails brought.
 */
export const mailsPerAddress = (kind: MailedRequest): readonly Limit[] => [
  { name: `${kind}-mail-hour`, points: 5, seconds: 3600 },
  { name: `${kind}-mail-day`, points: 20, seconds: 86_400 },
]
/** What a mail can be requested for. */
export type MailedRequest = 'recovery' | 'verification' | 'report'
/**
 * Guesses at the codes of mails, which NIST SP 800-63B-4 §4.2.1.2 requires to be limited. A mail's code is also void after five. An address gets at
 * most twenty mails a day, and a guess counts at each mail that waits in the browser. So somebody who cannot read them finds one of their codes with
 * a chance of 1 in 10,000 a day, whatever accounts, networks and browsers they use. Mails that the owner disowns allow as many guesses again.
 */
export const emailCodesPerPerson: Limit = { name: 'email-code-person', points: 20, seconds: window }
export const emailCodesPerNetwork: Limit = { name: 'email-code-network', points: 60, seconds: window }
export const emailCodesPerAddress: readonly Limit[] = [
  { name: 'email-code-address-hour', points: 20, seconds: 3600 },
  { name: 'email-code-address-day', points: 50, seconds: 86_400 },
]
/** Where somebody enters a one-time code. Each place has its own limit, so that none can be used to keep the person from another. */
export type CodeUse = 'sign-in' | 'step-up' | 'recovery'
/**
 * Guesses at the one-time codes of an account (NIST SP 800-63B-4 §3.2.2, RFC 6238 §5.2). Three of a million codes are right at any time, so twenty a day find
 * one with a chance of 1 in 16,000. At sign-in, only somebody who has entered the right password gets here. The limit of a day comes first, because the
 * person is told when it is reached.
 */
export const oneTimeCodes: readonly Limit[] = [
  { name: 'one-time-code-day', points: 20, seconds: 86_400 },
  { name: 'one-time-code', points: 5, seconds: window },
]
/**
 * Recovery codes cannot be guessed. This bounds the events that wrong ones cause. It is by network and not by account, so that nobody can keep a person from using
 * theirs.
 */
export const recoveryCodesPerNetwork: Limit = { name: 'recovery-code-network', points: 60, seconds: window }
/** The second limit prevents two thousand guesses a day with a stolen known browser. */
export const perBrowser: readonly Limit[] = [
  { name: 'sign-in-browser', points: 20, seconds: window },
  { name: 'sign-in-browser-day', points: 100, seconds: 86_400 },
]
/**
 * NIST SP 800-63B-4 §3.2.2: at most 100 consecutive failures for an account, then waits that grow from 30 seconds, so that nobody is locked
 * out. The longest wait is fifteen minutes. That allows 96 guesses a day, and is as long as the window for names and networks.
 */
export const accountBackoff: Backoff = { free: 100, firstWait: 30, maxWait: window }

/** Clients that register themselves (RFC 7591). All certification plans together register about 430 of them, and all users of one service may share a network. */
export const registrationsPerNetwork: Limit = { name: 'registration-network', points: 1_000, seconds: 3600 }
/** All networks together. With the deletion of clients that are never used, it bounds their number whatever networks somebody has. */
export const registrations: Limit = { name: 'registration-all', points: 5_000, seconds: 3600 }
/** With one initial access token, instead of by network. */
export const registrationsPerToken: Limit = { name: 'registration-token', points: 1_000, seconds: 3600 }
/**
 * Changes of clients by themselves from one network. Each writes an event and makes every node drop the clients that it has in memory, so that the limit of each client is not
 * enough: their number grows with every hour.
 */
export const changesPerNetwork: Limit = { name: 'registration-change-network', points: 1_000, seconds: 3600 }
/** Changes of one client by itself, from any number of networks. */
export const changesPerClient: Limit = { name: 'registration-change', points: 60, seconds: 3600 }

/**
 * Client ID metadata documents that are fetched for requests that arrive. Each sign-in to an application whose document must not be kept fetches one, and an office may have many
 * on one morning.
 */
export const documentsPerNetwork: Limit = { name: 'document-network', points: 300, seconds: window }
/**
 * Those of one host that Signet does not know yet, from any number of networks, so that nobody can have it send a flood of requests to somebody else. Those that it knows are
 * counted one by one: nobody can use up the fetches of an application by naming others at its host.
 */
export const newDocumentsPerHost: Limit = { name: 'document-host', points: 300, seconds: window }
export const documentsPerClient: Limit = { name: 'document-client', points: 3_000, seconds: window }
/** Unknown ones of all hosts and networks together. As with clients that register themselves, it bounds their number. */
export const newDocuments: Limit = { name: 'document-all', points: 5_000, seconds: 3600 }

/** Pictures that a person uploads. Decoding one can take a second. */
export const avatarsPerPerson: Limit = { name: 'avatar-person', points: 20, seconds: 3600 }

/** Lengths of IPv6 prefixes, in bits. A customer gets at least a /64. Many get a /56 or a /48, which contain 256 and 65,536 of these. */
const prefixes = [64, 56, 48]

/**
 * The ranges that a request from a network is counted for, narrowest first. For an IPv4 address this is the address only. For `unknown` it is
 * `unknown` only: all callers whose address could not be determined count as one network.
 *
 * @param network a canonical address, or `unknown`
 */
export function rangesOf(network: string): readonly string[] {
  return [...new Set(prefixes.map((bits) => networkOfAddress(network, bits)))]
}

export interface NamedCounter extends Counter {
  /** The name of the limit in the metrics. */
  readonly limit: string
}

export function counterOf({ name, points, seconds }: Limit, ...parts: string[]): NamedCounter {
  return { limit: name, key: keyOf(name, ...parts), max: points, seconds }
}

/** One counter for each range. Each range is allowed twice as much as the next narrower one. */
export function countersOf(limit: Limit, ranges: readonly string[]): NamedCounter[] {
  return ranges.map((range, index) => counterOf({ ...limit, points: limit.points * 2 ** index }, range))
}

export const widest = (ranges: readonly string[]) => ranges.at(-1) as string

/** Contains a digest, so that all keys have the same length and the table contains no names. */
export function keyOf(limit: string, ...parts: string[]): string {
  return `${limit}:${createHash('sha256').update(JSON.stringify(parts)).digest('base64url')}`
}
