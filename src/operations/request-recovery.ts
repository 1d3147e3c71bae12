import { inTransaction, type Queryable } from '../platform/database/queryable.ts'
import { addJob } from '../platform/jobs/jobs-store.ts'
import { digest } from '../platform/secrets/digest.ts'
import { sealText, secretFor, unsealText } from '../platform/secrets/purpose-secrets.ts'
import type { Account } from '../records/accounts/account.ts'
import { type Credential, listCredentials } from '../records/accounts/account-credentials-store.ts'
import { type Continuation, insertRecovery } from '../records/accounts/account-recoveries-store.ts'
import { findAccountsByIdentifier } from '../records/accounts/accounts-by-name-store.ts'
import { findAccount, lockAccount } from '../records/accounts/accounts-store.ts'
import { isSameName, type TypedName, typedName } from '../records/accounts/canonical-names.ts'
import { newLinkToken } from '../records/accounts/link-tokens.ts'
import { otherFactors, recoveryAddress, recoveryMinutes } from '../records/accounts/recovery-rule.ts'
import { type Caller, recordEvent } from '../records/events/events-store.ts'
import type { Sub } from '../records/ids.ts'
import type { Signet } from '../signet.ts'
import { type Operator, originOf } from './actor.ts'
import { notifyPerson } from './notify-person.ts'
import { isRecoverable } from './open-recovery.ts'
import { mailLocale, queueMail } from './queue-mail.ts'

/*
 * A request for a link to set a new password. The request itself looks nothing up, so its response cannot reveal who has an account, neither by
 * what it says nor by how long it takes (OWASP Forgot Password, "Forgot Password Request"). A job finds the account later.
 */

/** What somebody typed who cannot sign in. */
export interface TypedRecovery {
  /** A user name or an e-mail address. */
  readonly typed: string
  /** The language of the page, a BCP 47 tag. */
  readonly locale: string
  /** What the browser continues with afterwards. */
  readonly continuation: Continuation | undefined
}

/** What the job needs. Its payload contains this sealed: a typed name may be a person's address. */
interface Requested extends Pick<TypedRecovery, 'typed' | 'locale'> {
  /** The digest of the browser's cookie in base64url, and the sealed `continue` value. */
  readonly continuation: readonly [browserDigest: string, continueTo: string] | undefined
  readonly caller: Caller
  /** Milliseconds since 1970. */
  readonly requestedAt: number
}

const associated = 'recover-job'

/** The number of accounts with an address that are looked at. If one of them has verified it, it is the first. */
const maxFound = 5

/**
 * Counts the request and adds a job for it, for any name.
 *
 * @throws LimitExceeded, TooManyWaiting
 */
export async function requestRecovery(
  signet: Pick<Signet, 'database' | 'limits' | 'secrets' | 'clock'>,
  { requestId, network, userAgent }: Caller,
  { typed, locale, continuation: given }: TypedRecovery,
): Promise<void> {
  if (!(await signet.limits.beforeRecovery(network, typedName(typed).key))) return
  const requestedAt = signet.clock.now()
  const continuation = given && ([given.browserDigest.toString('base64url'), given.continueTo] as const)
  const requested: Requested = { typed, locale, continuation, caller: { requestId, network, userAgent }, requestedAt }
  const sealed = sealText(signet.secrets['mail-sealing'], JSON.stringify(requested), associated)
  await addJob(signet.database, 'recover', { sealed })
}

/**
 * The task `recover`: sends the link, if the name belongs to an account that can be recovered by mail. A job may run twice, if a node is killed in
 * the middle; then at most one more mail is sent, and each of the links works.
 */
export async function sendRecovery(
  signet: Pick<Signet, 'database' | 'limits' | 'secrets' | 'settings' | 'clock'>,
  payload: unknown,
): Promise<void> {
  const { database, limits, secrets, clock } = signet
  const { sealed } = payload as { readonly sealed: string }
  const opened = unsealText(await secretFor(secrets, 'mail-sealing', sealed), sealed, associated)
  // The secret it was sealed with has been revoked. The person can ask again.
  if (opened === undefined) return
  const { typed, locale, continuation: given, caller, requestedAt }: Requested = JSON.parse(opened)
  const continuation = given && { browserDigest: Buffer.from(given[0], 'base64url'), continueTo: given[1] }
  // After an outage, nobody is still waiting for this mail.
  if (clock.now() - requestedAt > recoveryMinutes * 60_000) return
  const found = await findRecoverable(database, typedName(typed))
  if (!found) return
  const { account, email } = found
  const mayMail = await limits.allowsMail('recovery', typedName(email).key)
  const credentials = await listCredentials(database, account.sub)
  const isPossible = isRecoverable(credentials, signet)
  await inTransaction(database, async (tx) => {
    const detail = isPossible
      ? { mail: mayMail ? 'sent' : 'limited' }
      : { mail: 'none', needs: otherKinds(credentials) }
    await recordEvent(tx, { type: 'recovery_requested', caller, sub: account.sub, detail })
    if (isPossible && mayMail) await sendLink(tx, signet, { account, email, locale, continuation })
  })
}

/** The account that a name stands for, and its verified address. */
async function findRecoverable(db: Queryable, name: TypedName) {
  const found = await findAccountsByIdentifier(db, name, maxFound)
  for (const { account, unambiguous } of found) {
    const email = recoveryAddress(account)
    const isName = [account.username, account.email].some((own) => own !== undefined && isSameName(own, name.typed))
    if (unambiguous && isName && email !== undefined) return { account, email }
  }
  return undefined
}

/** The kinds of the factors besides the password. */
function otherKinds(credentials: readonly Credential[]): readonly string[] {
  return [...new Set(otherFactors(credentials).map(({ kind }) => kind))]
}

/** Stores a link and queues the mail that brings it, in the caller's transaction. */
async function sendLink(
  tx: Queryable,
  signet: Pick<Signet, 'settings' | 'secrets' | 'clock'>,
  to: {
    readonly account: Account
    readonly email: string
    readonly locale: string | undefined
    readonly continuation: Continuation | undefined
  },
): Promise<void> {
  const { account, email, continuation } = to
  const token = newLinkToken()
  await insertRecovery(tx, { digest: digest(token), sub: account.sub, email, continuation, minutes: recoveryMinutes })
  await queueMail(tx, signet, {
    to: email,
    locale: mailLocale(account.locale, to.locale),
    mail: {
      ...{ kind: 'recovery', link: linkOf(signet, token), minutes: recoveryMinutes },
      ...(signet.settings.passwordSignIn === 'off' && { sets: 'passkey' }),
    },
    goodUntil: signet.clock.now() + recoveryMinutes * 60_000,
    sub: account.sub,
  })
}

function linkOf({ settings }: Pick<Signet, 'settings'>, token: string): string {
  return `${settings.issuer}/recover/password?token=${token}`
}

export type OperatorRecovery =
  | { readonly outcome: 'mailed'; readonly email: string }
  /** `link` is a secret. `toldAt`: the address at which the person is told about it, if any. */
  | { readonly outcome: 'printed'; readonly link: string; readonly toldAt: string | undefined }
  | { readonly outcome: 'no_such_account' | 'disabled' | 'no_verified_address' | 'no_mail' }
  /** The account has other factors, of these kinds, and nothing that the page of a link could ask for besides. */
  | { readonly outcome: 'needs_more'; readonly needs: readonly string[] }

/**
 * Makes a link to set a new password, for an operator. It is either mailed to the verified address of the account, like one that the person asked
 * for, or returned for the operator to hand over. With the latter, the operator vouches for the person: it works whatever address and other
 * credentials the account has. The person is told by mail, if the account has a verified address.
 *
 * @param reason why the link is handed over; undefined if it is to be mailed
 */
export async function recoverForOperator(
  signet: Pick<Signet, 'database' | 'secrets' | 'settings' | 'clock'>,
  actor: Operator,
  sub: Sub,
  reason: string | undefined,
): Promise<OperatorRecovery> {
  const isMailOn = signet.settings.mail.delivery !== 'none'
  return inTransaction(signet.database, async (tx): Promise<OperatorRecovery> => {
    const account = (await lockAccount(tx, sub)) && (await findAccount(tx, sub))
    if (!account) return { outcome: 'no_such_account' }
    if (account.disabled) return { outcome: 'disabled' }
    const email = recoveryAddress(account)
    if (reason !== undefined) {
      const token = newLinkToken()
      const link = { digest: digest(token), sub, email: undefined, continuation: undefined, minutes: recoveryMinutes }
      await insertRecovery(tx, link)
      await recordEvent(tx, { type: 'recovery_link_printed', ...originOf(actor), sub, detail: { reason } })
      const mail = { kind: 'recovery-by-operator', at: signet.clock.now(), minutes: recoveryMinutes } as const
      await notifyPerson(tx, signet, actor, account, mail)
      return { outcome: 'printed', link: linkOf(signet, token), toldAt: isMailOn ? email : undefined }
    }
    if (email === undefined) return { outcome: 'no_verified_address' }
    if (!isMailOn) return { outcome: 'no_mail' }
    const credentials = await listCredentials(tx, sub)
    if (!isRecoverable(credentials, signet)) return { outcome: 'needs_more', needs: otherKinds(credentials) }
    await recordEvent(tx, { type: 'recovery_requested', ...originOf(actor), sub, detail: { mail: 'sent' } })
    await sendLink(tx, signet, { account, email, locale: undefined, continuation: undefined })
    return { outcome: 'mailed', email }
  })
}
