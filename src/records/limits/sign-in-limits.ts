import type { Queryable } from '../../platform/database/queryable.ts'
import type { Turns } from '../../platform/turns.ts'
import {
  counterOf,
  countersOf,
  keyOf,
  type NamedCounter,
  pace,
  perBrowser,
  perName,
  perNetwork,
  rangesOf,
  signUps,
  widest,
} from './limit-counters.ts'
import { type Claim, claimAttempt, countAll, settleSuccess, takeBack } from './sign-in-limits-store.ts'

/*
 * Limits on guessing. Two kinds, and the difference between them is what keeps them from telling who has an account:
 *
 * - What a caller is told (429) depends on what came with the request alone: the network and the name as it was typed. It is counted
 *   before anything of an account is looked at.
 * - What depends on an account is never told. An attempt that is not let through fails as a wrong password does.
 *
 * A browser in which somebody has signed in to the account before passes by both, within an allowance of its own, so that nobody can
 * lock others out where they usually sign in.
 */

/** A caller has tried too often. */
export class LimitExceeded extends Error {
  /** Seconds until the next attempt counts. */
  readonly retryAfter: number
  /** Which limit it was, as the metrics name it. */
  readonly limit: string
  /** Whether this is the first request that the limit refuses in its window. */
  readonly isFirst: boolean
  constructor(retryAfter: number, limit: string, isFirst: boolean) {
    super('Too many attempts.')
    this.name = 'LimitExceeded'
    this.retryAfter = retryAfter
    this.limit = limit
    this.isFirst = isFirst
  }
}

/** Whom an attempt is for: an account, or what was typed (its `key`, canonical-names.ts) where no account is meant yet. */
export type Subject = { readonly sub: string } | { readonly typed: string }

/** What a request was counted under. */
export interface CountedRequest {
  /** Windows in which it was counted; none where a window had been full before. */
  readonly keys: readonly string[]
  /** That of these which is about the name, and not about the network alone. */
  readonly nameKey: string | undefined
  /** The limit that refuses it, unless the browser is known. */
  readonly over: LimitExceeded | undefined
}

/**
 * Whether the password of one account may be looked at.
 *
 * - `look`: it may. Counted as a failure until `succeeded`.
 * - `wait`: there were too many failures in a row. The attempt must fail as a wrong password does, and take as long. This is for
 *   accounts that have nothing but a password: one that has a verified address or a passkey will get a kind of its own here, under
 *   which the password is looked at as ever and the other factor is asked for besides.
 * - `refused`: the request is over a limit of its network or name, and the browser is not known.
 */
export type Ruling =
  | {
      readonly kind: 'look'
      /** The windows of a known browser, which start again when it succeeds. */
      readonly browserKeys: readonly string[]
      /** Those of them in which the attempt was counted. */
      readonly countedIn: readonly string[]
      readonly claim: Claim | undefined
    }
  | { readonly kind: 'wait' }
  | { readonly kind: 'refused' }
export type Look = Extract<Ruling, { kind: 'look' }>

export interface SignInLimits {
  /** Counts a request that brings a password, for its network and for what was typed. @throws TooManyWaiting */
  countRequest(network: string, subject: Subject): Promise<CountedRequest>
  /**
   * Decides, before the password is looked at, whether it may be.
   *
   * @param knownBrowser the digest of the browser's cookie, if somebody has signed in to this account from it before
   * @throws TooManyWaiting
   */
  rule(request: CountedRequest, subject: Subject, knownBrowser: Buffer | undefined): Promise<Ruling>
  /**
   * Takes back what was counted: the password was right.
   *
   * @param proven of the account whose password it was
   * @param others of accounts with the same address, which it was wrong for. A few of their failures a day are taken back as well
   * @returns those of the others whose failure stays
   * @throws TooManyWaiting
   */
  succeeded<T extends { readonly look: Look }>(
    request: CountedRequest,
    proven: Look,
    others: readonly T[],
  ): Promise<T[]>
  /**
   * Takes back what was counted for name, account and browser: the password was not looked at after all, because too many others were waiting.
   * Otherwise somebody who keeps the queue full could use up everybody's attempts. The network stays counted, so that the number of names
   * that it can try, each of which is a row, stays bounded.
   *
   * @param nameKey of the counted request; undefined where it is to stay counted
   * @throws TooManyWaiting
   */
  notLookedAt(nameKey: string | undefined, ruling: Ruling): Promise<void>
  /** For a caller who is to be told that they have to wait, though what waits is an account or a name. */
  waiting(): LimitExceeded
  /** Counts a new account, user name or address. @throws LimitExceeded, TooManyWaiting */
  beforeSignUp(network: string): Promise<void>
}

/** @param turns guesses from one network, or at one account, count in one row: those that wait for it must not hold every connection */
export function createSignInLimits(database: Queryable, turns: Turns): SignInLimits {
  const count = async (counters: readonly NamedCounter[], turn: string): Promise<Omit<CountedRequest, 'nameKey'>> => {
    const windows = await turns.take(`limit ${turn}`, () => countAll(database, counters))
    const keys = windows.filter(({ isNew }) => isNew).map(({ key }) => key)
    for (const { key, most, limit } of counters) {
      const full = windows.find((one) => one.key === key && one.counted > most)
      if (!full) continue
      const retryAfter = Math.max(1, Math.ceil(full.endsIn / 1000))
      return { keys, over: new LimitExceeded(retryAfter, limit, full.isNew && full.counted === most + 1) }
    }
    return { keys, over: undefined }
  }

  return {
    countRequest: async (network, subject) => {
      const ranges = rangesOf(network)
      const ofName = counterOf(perName, ...partsOf(subject), ranges[0] as string)
      const counted = await count([...countersOf(perNetwork, ranges), ofName], widest(ranges))
      return { ...counted, nameKey: counted.keys.find((key) => key === ofName.key) }
    },
    rule: async ({ over }, subject, knownBrowser) => {
      const browser = knownBrowser?.toString('hex')
      const ofBrowser =
        browser === undefined ? [] : perBrowser.map((limit) => counterOf(limit, ...partsOf(subject), browser))
      const browserKeys = ofBrowser.map(({ key }) => key)
      if (ofBrowser[0]) {
        const counted = await count(ofBrowser, ofBrowser[0].key)
        if (!counted.over) return { kind: 'look', browserKeys, countedIn: counted.keys, claim: undefined }
      }
      if (over) return { kind: 'refused' }
      const key = keyOf('sign-in-wait', ...partsOf(subject))
      const claim = await turns.take(`limit ${key}`, () => claimAttempt(database, key, pace))
      return claim ? { kind: 'look', browserKeys, countedIn: [], claim } : { kind: 'wait' }
    },
    succeeded: async ({ keys }, proven, others) => {
      const stays = await settleSuccess(database, {
        takenBack: keys,
        cleared: proven.browserKeys,
        others: others.flatMap(({ look }) => look.claim ?? []),
        proven: proven.claim,
      })
      // In a browser that is known to the other account, its failure is counted for the browser alone, and stays.
      return others.filter(({ look: { claim } }) => claim === undefined || stays.includes(claim.key))
    },
    notLookedAt: (nameKey, ruling) => {
      const { countedIn, claim } = ruling.kind === 'look' ? ruling : { countedIn: [], claim: undefined }
      return takeBack(database, nameKey === undefined ? countedIn : [nameKey, ...countedIn], claim)
    },
    waiting: () => new LimitExceeded(pace.longestWait, 'sign-in-wait', false),
    beforeSignUp: async (network) => {
      const ranges = rangesOf(network)
      const { over } = await count(countersOf(signUps, ranges), `sign-up ${widest(ranges)}`)
      if (over) throw over
    },
  }
}

/** With its kind: what somebody typed must not pass for another's `sub`. */
function partsOf(subject: Subject): [kind: string, name: string] {
  return 'sub' in subject ? ['sub', subject.sub] : ['typed', subject.typed]
}
