import { inTransaction } from '../platform/database/queryable.ts'
import type { Account } from '../records/accounts/account.ts'
import { findAccount, lockAccount } from '../records/accounts/accounts-store.ts'
import { type Factor, listFactors } from '../records/accounts/factors-store.ts'
import {
  findAccountRecord,
  findStoredAvatar,
  listAddresses,
  listKnownBrowsers,
  listMails,
  pageOfConsents,
  pageOfDisconnections,
  pageOfEvents,
  pageOfGrants,
  pageOfSessions,
  type StoredConnection,
  type StoredEvent,
  type StoredGrant,
  type StoredSession,
} from '../records/accounts/personal-data-store.ts'
import { recordEvent } from '../records/events/events-store.ts'
import { findGroupsOf } from '../records/groups/groups-store.ts'
import type { Sub } from '../records/ids.ts'
import type { Session } from '../records/sessions/sessions-store.ts'
import type { Signet } from '../signet.ts'
import { personalClaims } from '../tokens/personal-claims.ts'
import { type Actor, originOf, type Person } from './actor.ts'
import type { signedOut } from './as-signed-in.ts'
import { asFreshlyProven, type stale } from './own-factors.ts'

/*
 * Everything that is stored about a person, as one JSON document (docs/account.md describes it). Left out are secrets and what only this server can read:
 * digests, keys and sealed values; and what operators noted for themselves.
 *
 * Somebody may have any number of events. So the document is written piece by piece, each from one statement, and no more is in memory at a time. What
 * changes in the meantime may appear in one part and not in another.
 */

/** The version of the document. It changes if a member is removed or gets another meaning; new members may be added at any time. */
const version = 1

/** Rows that are in memory at a time. */
const perPage = 500

type Context = Pick<Signet, 'database' | 'settings'>

/**
 * The data of a signed-in person who has recently proven themselves: a stolen session is not enough.
 *
 * @returns the document in pieces
 */
export async function downloadOwnData(
  signet: Context & Pick<Signet, 'turns' | 'clock'>,
  actor: Person,
  session: Session,
): Promise<AsyncIterable<string> | typeof stale | typeof signedOut> {
  const { sub } = session.account
  const done = await asFreshlyProven(signet, session, (tx) =>
    recordEvent(tx, { type: 'data_downloaded', ...originOf(actor), sub }),
  )
  return done ?? personalData(signet, sub)
}

/** The data of a person, for an operator who hands it over. */
export async function exportData(
  signet: Context,
  actor: Actor,
  sub: Sub,
): Promise<AsyncIterable<string> | 'no_such_account'> {
  const isThere = await inTransaction(signet.database, async (tx) => {
    const locked = await lockAccount(tx, sub)
    if (locked) await recordEvent(tx, { type: 'data_downloaded', ...originOf(actor), sub })
    return locked !== undefined
  })
  return isThere ? personalData(signet, sub) : 'no_such_account'
}

/** The document, in pieces of JSON. */
async function* personalData({ database: db, settings }: Context, sub: Sub): AsyncGenerator<string> {
  const [account, record, avatar, addresses, factors, groups, mails, browsers] = await Promise.all([
    findAccount(db, sub),
    findAccountRecord(db, sub),
    findStoredAvatar(db, sub),
    listAddresses(db, sub),
    listFactors(db, sub),
    findGroupsOf(db, sub),
    listMails(db, sub),
    listKnownBrowsers(db, sub),
  ])
  yield '{\n'
  yield* member('format', 'signet-personal-data')
  yield* member('version', version)
  yield* member('issuer', settings.issuer)
  yield* member('exported_at', record?.readAt)
  yield* member('profile', account && profileOf(account))
  yield* member(
    'account',
    record && {
      created_at: record.createdAt,
      signed_up: account?.signed_up,
      imported_from: record.importedFrom,
      last_signed_in_at: record.signedInAt,
      disabled_at: record.disabledAt,
      passkey_offered_at: record.passkeyOfferedAt,
    },
  )
  yield* member(
    'avatar',
    avatar && { stored_at: avatar.storedAt, image: `data:image/webp;base64,${avatar.image.toString('base64')}` },
  )
  yield* list('addresses', [
    addresses.map(({ email, isPrimary, addedAt, verifiedAt }) => ({
      ...{ email, verified: verifiedAt !== undefined, verified_at: verifiedAt },
      ...{ primary: isPrimary, added_at: addedAt },
    })),
  ])
  yield* list('credentials', [factors.map(credentialOf)])
  yield* list('groups', [groups])
  yield* list('mails', [
    mails.map(({ kind, email, about, newEmail, name, sentAt, expiresAt }) => ({
      ...{ kind, email, about, new_email: newEmail, name, sent_at: sentAt, expires_at: expiresAt },
    })),
  ])
  yield* list('known_browsers', [browsers.map(({ usedAt }) => ({ last_signed_in_at: usedAt }))])
  yield* list(
    'sessions',
    pages<StoredSession>(
      (last) => pageOfSessions(db, sub, last?.id, perPage),
      (session) => ({
        ...{ signed_in_at: session.signedInAt, last_used_at: session.usedAt, expires_at: session.expiresAt },
        ...{ amr: session.amr, factor: session.factor, factor_proven_at: session.factorTime },
        ...{ user_agent: session.userAgent, network: session.network },
      }),
    ),
  )
  yield* list(
    'applications',
    pages<StoredConnection>(
      (last) => pageOfConsents(db, sub, last?.clientId, perPage),
      ({ clientId, clientName, scopes, resources, claims, allowedAt, changedAt }) => ({
        ...{
          client_id: clientId,
          name: clientName,
          scopes,
          resources,
          claims,
          allowed_at: allowedAt,
          changed_at: changedAt,
        },
      }),
    ),
  )
  yield* list(
    'disconnected_applications',
    pages<StoredConnection>(
      (last) => pageOfDisconnections(db, sub, last?.clientId, perPage),
      ({ clientId, clientName, disconnectedAt }) => ({
        ...{ client_id: clientId, name: clientName, disconnected_at: disconnectedAt },
      }),
    ),
  )
  yield* list(
    'grants',
    pages<StoredGrant>(
      (last) => pageOfGrants(db, sub, last?.index, perPage),
      ({ id, clientId, scopes, resources, userinfoClaims, idTokenClaims, acr, amr, openedAt, endedAt, endReason }) => ({
        ...{ grant_id: id, client_id: clientId, scopes, resources, acr, amr },
        claims: { userinfo: userinfoClaims, id_token: idTokenClaims },
        ...{ opened_at: openedAt, ended_at: endedAt, end_reason: endReason },
      }),
    ),
  )
  yield* list(
    'events',
    pages<StoredEvent>((last) => pageOfEvents(db, sub, last, perPage), eventOf),
  )
  // The last member, so that a document that was cut off is no JSON.
  yield '  "complete": true\n}\n'
}

/** The claims of OpenID Connect Core §5.1, as userinfo returns them to an application that may see everything. */
function profileOf(account: Account): object {
  return {
    sub: account.sub,
    ...personalClaims({ account, visibleGroups: [] }, ['profile', 'email', 'phone', 'address']),
  }
}

function credentialOf({ kind, name, createdAt, changedAt, usedAt, isBackedUp, codesLeft }: Factor): object {
  return {
    ...{ kind, name, created_at: createdAt, last_used_at: usedAt },
    ...(kind === 'password' && { changed_at: changedAt }),
    ...(kind === 'passkey' && { synced: isBackedUp }),
    ...(kind === 'recovery_codes' && { codes_left: codesLeft }),
  }
}

/** What operators note is theirs: their names, and their reasons. */
function eventOf({ at, type, requestId, network, userAgent, clientId, grantId, detail }: StoredEvent): object {
  const { by, reason, ...rest } = detail
  return {
    ...{ at, type, request_id: requestId, network, user_agent: userAgent, client_id: clientId, grant_id: grantId },
    detail: by === undefined ? { ...rest, ...(reason !== undefined && { reason }) } : rest,
  }
}

/** A list that is read page by page. */
async function* pages<T>(
  read: (last: T | undefined) => Promise<readonly T[]>,
  shown: (entry: T) => object,
): AsyncGenerator<readonly object[]> {
  let last: T | undefined
  for (;;) {
    const page = await read(last)
    yield page.map(shown)
    if (page.length < perPage) return
    last = page.at(-1)
  }
}

function* member(name: string, value: unknown): Generator<string> {
  if (value !== undefined) yield `  ${JSON.stringify(name)}: ${JSON.stringify(value)},\n`
}

async function* list(
  name: string,
  read: Iterable<readonly unknown[]> | AsyncIterable<readonly unknown[]>,
): AsyncGenerator<string> {
  yield `  ${JSON.stringify(name)}: [`
  let separator = '\n'
  for await (const page of read) {
    if (page.length === 0) continue
    yield separator + page.map((entry) => `    ${JSON.stringify(entry)}`).join(',\n')
    separator = ',\n'
  }
  yield separator === '\n' ? '],\n' : '\n  ],\n'
}
