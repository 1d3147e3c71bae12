import type { Queryable } from '../../platform/database/queryable.ts'
import type { Turns } from '../../platform/turns.ts'
import {
  accountBackoff,
  avatarsPerPerson,
  type CodeUse,
  changesPerClient,
  changesPerNetwork,
  counterOf,
  countersOf,
  deviceRequestsPerClient,
  deviceRequestsPerNetwork,
  documentsPerClient,
  documentsPerNetwork,
  emailCodesPerAddress,
  emailCodesPerNetwork,
  emailCodesPerPerson,
  keyOf,
  type Limit,
  type MailedRequest,
  mailsPerAddress,
  type NamedCounter,
  newDocuments,
  newDocumentsPerHost,
  oneTimeCodes,
  perBrowser,
  perInvitation,
  perName,
  perNetwork,
  perRecovery,
  pushedRequestsPerClient,
  pushedRequestsPerNetwork,
  rangesOf,
  recoveries,
  recoveriesPerName,
  recoveriesPerNetwork,
  recoveryCodesPerNetwork,
  refusedPasskeysPerNetwork,
  registrations,
  registrationsPerNetwork,
  registrationsPerToken,
  signUps,
  userCodesPerNetwork,
  userCodesPerPerson,
  verificationsPerNetwork,
  verificationsPerPerson,
  widest,
} from './limit-counters.ts'
import {
  type Claim,
  claimAttempt,
  countAll,
  forgetFailures,
  resetWindows,
  settleSuccess,
  undoCounts,
} from './sign-in-limits-store.ts'

/*
 * Limits on guessing passwords and codes, and on what anybody can have stored or sent. For passwords there are two kinds, so that the limits do not
 * reveal who has an account:
 *
 * - A 429 response depends only on what came with the request: the network and the name as it was typed. The request is counted before
 *   any account is looked up.
 * - Limits that depend on an account are never visible. An attempt that is not allowed fails like a wrong password.
 *
 * A browser in which somebody has signed in to the account before has its own allowance and bypasses both. So nobody can lock other people
 * out of the browsers that they usually use.
 */

/** A caller has made too many attempts. */
export class LimitExceeded extends Error {
  /** Seconds until the next attempt is allowed. */
  readonly retryAfter: number
  /** The name of the limit in the metrics. */
  readonly limit: string
  /** Whether this is the first request that the limit refuses in this window. */
  readonly isFirst: boolean
  constructor(retryAfter: number, limit: string, isFirst: boolean) {
    super('Too many attempts.')
    this.name = 'LimitExceeded'
    this.retryAfter = retryAfter
    this.limit = limit
    this.isFirst = isFirst
  }
}

/**
 * What an attempt is for: an account, the typed name (its `key`, canonical-names.ts) if no account is known yet, or undoing a change of address or
 * recovering an account, which are guarded by a link as well and counted separately.
 */
export type Subject =
  | { readonly sub: string }
  | { readonly typed: string }
  | { readonly undoFor: string }
  | { readonly recoveryOf: string }

/** The windows in which a request was counted. */
export interface CountedRequest {
  /** The keys of these windows. Empty if a window was already full. */
  readonly keys: readonly string[]
  /** The one of these keys that depends on the name, and not only on the network. */
  readonly nameKey: string | undefined
  /** The limit that refuses the request, unless the browser is known. */
  readonly exceeded: LimitExceeded | undefined
}

/**
 * Whether the password of an account may be checked.
 *
 * - `allowed`: it may. The attempt counts as a failure until `succeeded` is called.
 * - `waiting`: there were too many consecutive failures. The attempt must fail like a wrong password, after the same time. This is for accounts
 *   that have only a password. Accounts with a verified address or a passkey will get a separate kind here: their password is checked as usual,
 *   and the other factor is required in addition.
 * - `refused`: the request exceeds a limit of its network or name, and the browser is not known.
 */
export type AttemptDecision =
  | {
      readonly kind: 'allowed'
      /** The windows of a known browser, which are reset if the attempt succeeds. */
      readonly browserKeys: readonly string[]
      /** Those of them in which the attempt was counted. */
      readonly countedIn: readonly string[]
      readonly claim: Claim | undefined
    }
  | { readonly kind: 'waiting' }
  | { readonly kind: 'refused' }
export type AllowedAttempt = Extract<AttemptDecision, { kind: 'allowed' }>

export interface SignInLimits {
  /** Counts a request that contains a password, for its network and for the typed name. @throws TooManyWaiting */
  countRequest(network: string, subject: Subject): Promise<CountedRequest>
  /**
   * Decides whether the password may be checked. Must be called before the check.
   *
   * @param knownBrowser the digest of the browser's cookie, if somebody has signed in to this account with it before
   * @throws TooManyWaiting
   */
  decideAttempt(request: CountedRequest, subject: Subject, knownBrowser: Buffer | undefined): Promise<AttemptDecision>
  /**
   * Undoes what was counted, because the password was correct.
   *
   * @param proven the attempt at the account that the password belongs to
   * @param others the attempts at accounts with the same address, for which it was wrong. A few of their failures a day are undone as well
   * @returns those of the others whose failure stays counted
   * @throws TooManyWaiting
   */
  succeeded<T extends { readonly attempt: AllowedAttempt }>(
    request: CountedRequest,
    proven: AllowedAttempt,
    others: readonly T[],
  ): Promise<T[]>
  /**
   * Undoes what was counted for name, account and browser, because the password was not checked after all: too many requests were waiting.
   * Otherwise somebody who keeps the queue full could use up everybody's attempts. The network stays counted, to bound the number of names that
   * it can try, because each creates a row.
   *
   * @param nameKey `nameKey` of the counted request; undefined if the name is to stay counted
   * @throws TooManyWaiting
   */
  cancelAttempt(nameKey: string | undefined, decision: AttemptDecision): Promise<void>
  /** The error for a caller who may learn that an account or a name is waiting. */
  waitingError(): LimitExceeded
  /** Counts a new account, or a new user name or address of an account. @throws LimitExceeded, TooManyWaiting */
  beforeSignUp(network: string): Promise<void>
  /** Counts a form of an invitation. Must be called once it is known to be open, so that invented ones leave no rows. @throws LimitExceeded, TooManyWaiting */
  beforeInvitation(invitation: string): Promise<void>
  /**
   * Counts the request of a device (RFC 8628).
   *
   * @param network undefined if requests of this client are not limited by network
   * @throws LimitExceeded, TooManyWaiting
   */
  beforeDeviceRequest(network: string | undefined, clientId: string): Promise<void>
  /**
   * Counts a client that registers itself. Must be called before anything is fetched or stored for it.
   *
   * @param initialToken the ID of a valid initial access token; undefined: it is counted for the network
   * @throws LimitExceeded, TooManyWaiting
   */
  beforeRegistration(network: string, initialToken: number | undefined): Promise<void>
  /** Counts a change of a client by itself. @throws LimitExceeded, TooManyWaiting */
  beforeOwnChange(network: string, clientId: string): Promise<void>
  /**
   * Counts a pushed authorization request (RFC 9126).
   *
   * @param network undefined if requests of this client are not limited by network
   * @throws LimitExceeded, TooManyWaiting
   */
  beforePushedRequest(network: string | undefined, clientId: string): Promise<void>
  /**
   * Counts a client ID metadata document. Must be called before it is fetched.
   *
   * @param clientId undefined if there is no such client yet
   * @throws LimitExceeded, TooManyWaiting
   */
  beforeDocument(network: string, host: string, clientId: string | undefined): Promise<void>
  /** Counts a user code that a person typed (RFC 8628 §5.1). Must be called before it is looked up. @throws LimitExceeded, TooManyWaiting */
  beforeUserCode(network: string, sub: string): Promise<void>
  /** Counts an answer of a passkey that was refused. Must be called before it is recorded. @throws LimitExceeded, TooManyWaiting */
  afterRefusedPasskey(network: string): Promise<void>
  /**
   * Counts a request for a link to set a new password, before anything is looked up. What it throws and returns depends on the network and the
   * typed name only.
   *
   * @returns false if this name was typed too often from this network. The caller must not learn this
   * @throws LimitExceeded, TooManyWaiting
   */
  beforeRecovery(network: string, typed: string): Promise<boolean>
  /** Counts a person's request for a mail that verifies an address. @throws LimitExceeded, TooManyWaiting */
  beforeVerification(network: string, sub: string): Promise<void>
  /** Counts the code of such a mail that a person typed. Must be called before it is compared. @throws LimitExceeded, TooManyWaiting */
  beforeEmailCode(network: string, sub: string): Promise<void>
  /**
   * Counts a code that somebody typed from a mail to an address, whatever their account, network and browser.
   *
   * @param address the key of the address (canonical-names.ts)
   * @returns false if it must not be compared. Whoever typed it must not learn this: it tells what others do with the address
   * @throws TooManyWaiting
   */
  allowsEmailCode(address: string): Promise<boolean>
  /** Counts a picture that a person uploads. Must be called before it is read. @throws LimitExceeded, TooManyWaiting */
  beforeAvatar(sub: string): Promise<void>
  /**
   * Counts a one-time code that somebody typed, for the account. Must be called before it is compared.
   *
   * @returns for `undoOneTimeCode`
   * @throws LimitExceeded, whose `limit` is `oneTimeCodesOfDay` if no more are compared today; TooManyWaiting
   */
  beforeOneTimeCode(sub: string, use: CodeUse): Promise<readonly string[]>
  /** Undoes what was counted, because the code was right. Earlier wrong ones stay counted, or somebody else could go on after each sign-in of the person. */
  undoOneTimeCode(counted: readonly string[]): Promise<void>
  /** Counts a recovery code that somebody typed. @throws LimitExceeded, TooManyWaiting */
  beforeRecoveryCode(network: string): Promise<void>
  /** Counts a form with a new password for a link. Must be called once the link is known to be open. @throws LimitExceeded, TooManyWaiting */
  beforeNewPassword(link: Buffer): Promise<void>
  /**
   * Counts a mail to an address that somebody else can cause.
   *
   * @param address the key of the address (canonical-names.ts)
   * @returns false if it must not be sent. Whoever caused it must not learn this
   * @throws TooManyWaiting
   */
  allowsMail(kind: MailedRequest, address: string): Promise<boolean>
  /**
   * Forgets the mails that were counted for an address, because its owner has said that somebody else caused one of them. Otherwise whoever uses
   * up the mails of an address every day keeps its owner from ever verifying it.
   *
   * @param address the key of the address (canonical-names.ts)
   */
  forgetMails(kind: MailedRequest, address: string): Promise<void>
  /**
   * Forgets the failures at an account, whose person has just proven themselves without the password: they may have caused them. Also those
   * of its names from the network of the request.
   *
   * @param names the keys of names that only this account has
   */
  recovered(db: Queryable, network: string, sub: string, names: readonly string[]): Promise<void>
}

/** The name of the limit of one-time codes in a day. */
export const oneTimeCodesOfDay = 'one-time-code-day'

/** @param turns attempts from one network, or at one account, update the same row; those that wait for it must not hold every connection */
export function createSignInLimits(database: Queryable, turns: Turns): SignInLimits {
  const count = async (counters: readonly NamedCounter[], turn: string): Promise<Omit<CountedRequest, 'nameKey'>> => {
    const windows = await turns.take(`limit ${turn}`, () => countAll(database, counters))
    const keys = windows.filter(({ isNew }) => isNew).map(({ key }) => key)
    for (const { key, max, limit } of counters) {
      const full = windows.find((one) => one.key === key && one.counted > max)
      if (!full) continue
      const retryAfter = Math.max(1, Math.ceil(full.endsIn / 1000))
      return { keys, exceeded: new LimitExceeded(retryAfter, limit, full.isNew && full.counted === max + 1) }
    }
    return { keys, exceeded: undefined }
  }

  const countOrThrow = async (counters: readonly NamedCounter[], turn: string): Promise<void> => {
    const { exceeded } = await count(counters, turn)
    if (exceeded) throw exceeded
  }

  /** What one network is refused is not counted for the client. */
  const countForClient = async (network: string | undefined, clientId: string, perNetwork: Limit, perClient: Limit) => {
    if (network !== undefined) {
      const ranges = rangesOf(network)
      await countOrThrow(countersOf(perNetwork, ranges), `${perNetwork.name} ${widest(ranges)}`)
    }
    const ofClient = counterOf(perClient, clientId)
    await countOrThrow([ofClient], ofClient.key)
  }

  return {
    countRequest: async (network, subject) => {
      const ranges = rangesOf(network)
      const ofName = counterOf(perName, ...partsOf(subject), ranges[0] as string)
      const counted = await count([...countersOf(perNetwork, ranges), ofName], widest(ranges))
      return { ...counted, nameKey: counted.keys.find((key) => key === ofName.key) }
    },
    decideAttempt: async ({ exceeded }, subject, knownBrowser) => {
      const browser = knownBrowser?.toString('hex')
      const ofBrowser =
        browser === undefined ? [] : perBrowser.map((limit) => counterOf(limit, ...partsOf(subject), browser))
      const browserKeys = ofBrowser.map(({ key }) => key)
      if (ofBrowser[0]) {
        const counted = await count(ofBrowser, ofBrowser[0].key)
        if (!counted.exceeded) return { kind: 'allowed', browserKeys, countedIn: counted.keys, claim: undefined }
      }
      if (exceeded) return { kind: 'refused' }
      const key = keyOf('sign-in-wait', ...partsOf(subject))
      const claim = await turns.take(`limit ${key}`, () => claimAttempt(database, key, accountBackoff))
      return claim ? { kind: 'allowed', browserKeys, countedIn: [], claim } : { kind: 'waiting' }
    },
    succeeded: async ({ keys }, proven, others) => {
      const stays = await settleSuccess(database, {
        undone: keys,
        cleared: proven.browserKeys,
        others: others.flatMap(({ attempt }) => attempt.claim ?? []),
        proven: proven.claim,
      })
      // In a browser that the other account knows, the failure was counted for the browser only, and stays counted.
      return others.filter(({ attempt: { claim } }) => claim === undefined || stays.includes(claim.key))
    },
    cancelAttempt: (nameKey, decision) => {
      const { countedIn, claim } = decision.kind === 'allowed' ? decision : { countedIn: [], claim: undefined }
      return undoCounts(database, nameKey === undefined ? countedIn : [nameKey, ...countedIn], claim)
    },
    waitingError: () => new LimitExceeded(accountBackoff.maxWait, 'sign-in-wait', false),
    beforeSignUp: async (network) => {
      const ranges = rangesOf(network)
      await countOrThrow(countersOf(signUps, ranges), `sign-up ${widest(ranges)}`)
    },
    beforeInvitation: async (invitation) => {
      const counter = counterOf(perInvitation, invitation)
      await countOrThrow([counter], counter.key)
    },
    beforeDeviceRequest: (network, clientId) =>
      countForClient(network, clientId, deviceRequestsPerNetwork, deviceRequestsPerClient),
    beforePushedRequest: (network, clientId) =>
      countForClient(network, clientId, pushedRequestsPerNetwork, pushedRequestsPerClient),
    beforeRegistration: async (network, initialToken) => {
      if (initialToken !== undefined) {
        const counter = counterOf(registrationsPerToken, String(initialToken))
        return countOrThrow([counter], counter.key)
      }
      const ranges = rangesOf(network)
      await countOrThrow(
        [...countersOf(registrationsPerNetwork, ranges), counterOf(registrations)],
        `registration ${widest(ranges)}`,
      )
    },
    beforeDocument: async (network, host, clientId) => {
      if (clientId !== undefined) return countForClient(network, clientId, documentsPerNetwork, documentsPerClient)
      const ranges = rangesOf(network)
      await countOrThrow(countersOf(documentsPerNetwork, ranges), `${documentsPerNetwork.name} ${widest(ranges)}`)
      // What is refused for the host is not counted for all.
      const ofHost = counterOf(newDocumentsPerHost, host)
      await countOrThrow([ofHost], ofHost.key)
      const ofAll = counterOf(newDocuments)
      await countOrThrow([ofAll], ofAll.key)
    },
    beforeOwnChange: (network, clientId) => countForClient(network, clientId, changesPerNetwork, changesPerClient),
    beforeUserCode: async (network, sub) => {
      const ranges = rangesOf(network)
      const counters = [counterOf(userCodesPerPerson, sub), ...countersOf(userCodesPerNetwork, ranges)]
      await countOrThrow(counters, `user-code ${widest(ranges)}`)
    },
    afterRefusedPasskey: async (network) => {
      const ranges = rangesOf(network)
      await countOrThrow(countersOf(refusedPasskeysPerNetwork, ranges), `passkey ${widest(ranges)}`)
    },
    beforeRecovery: async (network, typed) => {
      const ranges = rangesOf(network)
      const ofNetwork = [...countersOf(recoveriesPerNetwork, ranges), counterOf(recoveries)]
      const ofName = counterOf(recoveriesPerName, typed, ranges[0] as string)
      await countOrThrow(ofNetwork, `recovery ${widest(ranges)}`)
      return (await count([ofName], ofName.key)).exceeded === undefined
    },
    beforeVerification: async (network, sub) => {
      const ranges = rangesOf(network)
      const counters = [counterOf(verificationsPerPerson, sub), ...countersOf(verificationsPerNetwork, ranges)]
      await countOrThrow(counters, `verification ${widest(ranges)}`)
    },
    beforeEmailCode: async (network, sub) => {
      const ranges = rangesOf(network)
      const counters = [counterOf(emailCodesPerPerson, sub), ...countersOf(emailCodesPerNetwork, ranges)]
      await countOrThrow(counters, `email-code ${widest(ranges)}`)
    },
    allowsEmailCode: async (address) => {
      const counters = emailCodesPerAddress.map((limit) => counterOf(limit, address))
      return (await count(counters, `email-code-address ${address}`)).exceeded === undefined
    },
    beforeOneTimeCode: async (sub, use) => {
      const counters = oneTimeCodes.map((limit) => counterOf(limit, use, sub))
      const { keys, exceeded } = await count(counters, `one-time-code ${use} ${sub}`)
      if (exceeded) throw exceeded
      return keys
    },
    undoOneTimeCode: (counted) => undoCounts(database, counted, undefined),
    beforeRecoveryCode: async (network) => {
      const ranges = rangesOf(network)
      await countOrThrow(countersOf(recoveryCodesPerNetwork, ranges), `recovery-code ${widest(ranges)}`)
    },
    beforeNewPassword: async (link) => {
      const counter = counterOf(perRecovery, link.toString('base64url'))
      await countOrThrow([counter], counter.key)
    },
    beforeAvatar: async (sub) => {
      const counter = counterOf(avatarsPerPerson, sub)
      await countOrThrow([counter], counter.key)
    },
    allowsMail: async (kind, address) => {
      const counters = mailsPerAddress(kind).map((limit) => counterOf(limit, address))
      return (await count(counters, `${kind}-mail ${address}`)).exceeded === undefined
    },
    forgetMails: (kind, address) =>
      resetWindows(
        database,
        mailsPerAddress(kind).map((limit) => keyOf(limit.name, address)),
      ),
    recovered: (db, network, sub, names) => {
      const [narrowest = ''] = rangesOf(network)
      const ofNames = names.map((name) => counterOf(perName, ...partsOf({ typed: name }), narrowest).key)
      return forgetFailures(db, ofNames, keyOf('sign-in-wait', ...partsOf({ sub })))
    },
  }
}

/** Includes the kind, so that a typed name cannot be mistaken for a `sub`. */
function partsOf(subject: Subject): [kind: string, name: string] {
  if ('undoFor' in subject) return ['undo', subject.undoFor]
  if ('recoveryOf' in subject) return ['recovery', subject.recoveryOf]
  return 'sub' in subject ? ['sub', subject.sub] : ['typed', subject.typed]
}
