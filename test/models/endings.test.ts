import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { disableAccount, enableAccount, setPassword, signOutEverywhere } from '../../src/operations/account-access.ts'
import type { Actor } from '../../src/operations/actor.ts'
import { changeProvenPassword } from '../../src/operations/change-password.ts'
import { deleteClient } from '../../src/operations/client-registration.ts'
import { deleteAccount } from '../../src/operations/delete-account.ts'
import { endOtherSessions, endOwnSession, signOut } from '../../src/operations/own-sessions.ts'
import {
  disconnectApplication,
  revokeGrant,
  revokeGrantsOfClient,
  revokeGrantsOfConnection,
  revokeGrantsOfPerson,
} from '../../src/operations/revoke-grants.ts'
import { createClock } from '../../src/platform/clock.ts'
import { inTransaction } from '../../src/platform/database/queryable.ts'
import type { Turns } from '../../src/platform/turns.ts'
import { findPassword } from '../../src/records/accounts/account-password-store.ts'
import { insertAccount } from '../../src/records/accounts/accounts-store.ts'
import type { PasswordHashing } from '../../src/records/accounts/password-hashing.ts'
import { deleteExpired } from '../../src/records/cleanup/cleanup-store.ts'
import { completeMetadata } from '../../src/records/clients/client-metadata.ts'
import { insertClient } from '../../src/records/clients/clients-store.ts'
import { endNextBatch } from '../../src/records/endings/decide-ending.ts'
import { noClaims } from '../../src/records/grants/claims-of-request.ts'
import { listGrants } from '../../src/records/grants/grants-store.ts'
import type { ClientId, GrantId, Sid, Sub } from '../../src/records/ids.ts'
import { findSession, insertSession } from '../../src/records/sessions/sessions-store.ts'
import type { Signet } from '../../src/signet.ts'
import { insertCode } from '../../src/tokens/authorization-codes-store.ts'
import { migratedDatabase } from '../database.ts'
import { clientVersion } from '../support/client-version.ts'
import { untilNothingIsLeft } from '../support/eventually.ts'

/*
 * Epochs and markers, compared with the simplest possible semantics: sets of sessions and grants, from which each decision removes what it
 * ends. There is one person, with browsers and two clients. Rows follow from time to time, or are kept from following by another
 * transaction that locks them.
 */

const { openPool } = await migratedDatabase(t)
const database = openPool({ max: 3 })
// Requests do not take turns here: races between two nodes are what is tested.
const turns: Turns = { take: (_key, work) => work() }
/** Passwords are stored unhashed here: argon2 would take most of the time. */
const passwords: PasswordHashing = {
  hash: async (password) => password,
  verify: async (password, hash) => password === hash,
  isOutdated: () => false,
}
const mail = { delivery: 'none' } as const
const settings = { issuer: 'https://idp.example', passwordMinLength: 8, mail } as Signet['settings']
const breachedPasswords = { isListed: async () => false }
// Without mail, no secret is read.
const mailing = { settings, secrets: {} as Signet['secrets'], clock: createClock() }
const endings = { wake: () => {}, run: () => {}, stop: async () => {} }
const signet = { database, turns, endings, passwords, breachedPasswords, ...mailing }
const operator = { kind: 'operator', by: 'test' } as const
const idle = 3600
const text = () => randomBytes(9).toString('hex')

interface World {
  readonly sub: Sub
  readonly clients: readonly ClientId[]
  /** Cookies of the browsers, as digests: the last one that each browser was given. */
  readonly cookies: (Buffer | undefined)[]
  readonly aliveSessions: Set<number>
  readonly aliveGrants: Map<GrantId, { browser: number; client: number; isOffline: boolean }>
  readonly goneClients: Set<number>
  isDisabled: boolean
  isDeleted: boolean
}

const weights = {
  ...{
    enter: 6,
    open: 14,
    'sign out': 2,
    'end one': 2,
    'end others': 3,
    disconnect: 4,
    'set password': 1,
    disable: 1,
    enable: 2,
  },
  ...{
    'change password': 2,
    'sign out everywhere': 1,
    'revoke of person': 2,
    'revoke of both': 2,
    'revoke of client': 2,
  },
  ...{ revoke: 1, 'delete client': 0.3, 'delete account': 0.2, follow: 3, settle: 1, clean: 1 },
}
type What = keyof typeof weights
const whats = Object.entries(weights).flatMap(([what, weight]) => Array<What>(weight * 10).fill(what as What))
const numbers = { browser: fc.nat(2), other: fc.nat(2), client: fc.nat(1), isOffline: fc.boolean() }
/** `isHeld`: another transaction holds the rows that could follow. */
const step = fc.record({ ...numbers, what: fc.constantFrom(...whats), isHeld: fc.nat(3).map((n) => n > 0) })
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

const personOf = ({ sub }: World): Actor => ({ kind: 'person', sub, caller: { requestId: 'r', network: '::1' } })

async function sessionOf({ cookies }: World, browser: number) {
  const cookie = cookies[browser]
  return cookie && findSession(database, cookie, idle)
}

function endBound(world: World, browser: number): void {
  world.aliveSessions.delete(browser)
  for (const [id, grant] of world.aliveGrants)
    if (grant.browser === browser && !grant.isOffline) world.aliveGrants.delete(id)
}

function endEverything(world: World): void {
  world.aliveSessions.clear()
  world.aliveGrants.clear()
}

async function take(world: World, { what, browser, other, client, isOffline }: Step): Promise<void> {
  const { sub, clients, aliveGrants, aliveSessions } = world
  const clientId = clients[client] as ClientId
  const session = await sessionOf(world, browser)
  switch (what) {
    case 'enter': {
      const digest = randomBytes(32)
      const who = { digest, browserDigest: digest, sub, authTime: Date.now(), amr: ['pwd'], ttl: idle, sidVersion: 1 }
      if (await insertSession(database, { ...who, replaces: world.cookies[browser] })) {
        world.cookies[browser] = digest
        aliveSessions.add(browser)
      }
      return
    }
    case 'open': {
      if (!session) return
      const id = text() as GrantId
      const scopes = isOffline ? ['openid', 'offline_access'] : ['openid']
      const grant = {
        id,
        clientId,
        sub,
        sessionId: session.id,
        epoch: session.accountEpoch,
        scopes,
        resources: [],
        claims: noClaims,
      }
      const isOpened = await insertCode(
        database,
        {
          grant: { ...grant, authTime: 0, acr: 'aal1', amr: ['pwd'] },
          ...{ digest: randomBytes(32), ttl: 60, redirectUri: 'https://app.example', sid: 'sid' as Sid },
          ...{ codeChallenge: undefined, nonce: undefined, clientUpdatedAt: await clientVersion(database, clientId) },
        },
        { opened: { type: 'grant_opened', by: 'test' } },
      )
      if (isOpened !== !world.goneClients.has(client))
        throw new Error('Only a deleted client prevents a grant from being opened.')
      if (isOpened) aliveGrants.set(id, { browser, client, isOffline })
      return
    }
    case 'sign out':
      if (!session) return
      await signOut(signet, personOf(world), session)
      return endBound(world, browser)
    case 'end one': {
      const chosen = await sessionOf(world, other)
      if (!session || !chosen) return
      await endOwnSession(signet, personOf(world), session, chosen.id)
      return endBound(world, other)
    }
    case 'end others':
      if (!session) return
      await endOtherSessions(signet, personOf(world), session)
      for (const each of [0, 1, 2]) if (each !== browser) endBound(world, each)
      return
    case 'disconnect':
      if (!session) return
      await disconnectApplication(signet, personOf(world), session, clientId)
      for (const [id, grant] of aliveGrants) if (grant.client === client) aliveGrants.delete(id)
      return
    case 'set password':
      if ((await setPassword(signet, operator, sub, text())).outcome === 'set') endEverything(world)
      return
    case 'change password': {
      if (!session) return
      const { passwordHash: from = '' } = await findPassword(database, sub, randomBytes(32))
      const sessionDigest = randomBytes(32)
      const applications = isOffline ? 'keep' : 'end'
      await changeProvenPassword(signet, personOf(world), session, {
        from,
        to: text(),
        isShort: false,
        sessionDigest,
        applications,
      })
      world.cookies[browser] = sessionDigest
      for (const each of [0, 1, 2]) if (each !== browser) endBound(world, each)
      if (applications === 'end') aliveGrants.clear()
      return
    }
    case 'sign out everywhere':
      if ((await signOutEverywhere(signet, operator, sub)) !== 'no_such_account') endEverything(world)
      return
    case 'revoke of person':
      if ((await revokeGrantsOfPerson(signet, operator, sub)) !== 'no_such_account') aliveGrants.clear()
      return
    case 'revoke of both':
    case 'revoke of client': {
      const revoked =
        what === 'revoke of client'
          ? await revokeGrantsOfClient(signet, operator, clientId)
          : await revokeGrantsOfConnection(signet, operator, { sub, clientId }, isOffline ? 'kept' : 'forgotten')
      if (typeof revoked === 'string' && !world.goneClients.has(client) && !world.isDeleted)
        throw new Error('The grants of an existing client can be revoked.')
      for (const [id, grant] of aliveGrants) if (grant.client === client) aliveGrants.delete(id)
      return
    }
    case 'disable':
      if ((await disableAccount(signet, operator, sub)) !== 'no_such_account') {
        world.isDisabled = true
        endEverything(world)
      }
      return
    case 'enable':
      if ((await enableAccount(signet, operator, sub)) !== 'no_such_account') world.isDisabled = false
      return
    case 'revoke': {
      const [id] = [...aliveGrants.keys()]
      if (id === undefined) return
      if (!(await revokeGrant(signet, operator, { id, clientId, sub })))
        throw new Error('An active grant can be revoked.')
      aliveGrants.delete(id)
      return
    }
    case 'delete client':
      await deleteClient(signet, operator, clientId)
      world.goneClients.add(client)
      for (const [id, grant] of aliveGrants) if (grant.client === client) aliveGrants.delete(id)
      return
    case 'delete account':
      await deleteAccount(signet, operator, sub)
      world.isDeleted = true
      return endEverything(world)
    case 'follow':
      await endNextBatch(database)
      return
    case 'settle':
      await database.query("UPDATE endings SET decided_at = decided_at - interval '1 minute', due_at = now()")
      await untilNothingIsLeft('the endings to follow', () => endNextBatch(database))
      return
    case 'clean':
      await deleteExpired(database, 3600)
  }
}

/** Takes a step while another transaction holds the rows that could follow. */
async function takeHeld(world: World, step: Step): Promise<void> {
  const { what, isHeld, browser } = step
  // These steps reach locked rows, and wait.
  if (!isHeld || what === 'revoke' || what === 'settle') return take(world, step)
  await inTransaction(database, async (tx) => {
    await tx.query({ text: 'SELECT FROM grants FOR NO KEY UPDATE' })
    const holdsSessions = [
      'end others',
      'change password',
      'sign out everywhere',
      'set password',
      'disable',
      'delete account',
    ]
    if (holdsSessions.includes(what))
      await tx.query({
        text: 'SELECT FROM sessions WHERE sub = $1 AND digest IS DISTINCT FROM $2 FOR NO KEY UPDATE',
        values: [world.sub, what === 'end others' || what === 'change password' ? world.cookies[browser] : null],
      })
    await take(world, step)
  })
}

async function live(steps: readonly Step[]): Promise<void> {
  const world: World = {
    ...{
      sub: text() as Sub,
      clients: [`client_${text()}`, `client_${text()}`] as ClientId[],
      cookies: [],
      isDisabled: false,
      isDeleted: false,
    },
    ...{ aliveSessions: new Set(), aliveGrants: new Map(), goneClients: new Set() },
  }
  const terms = { resources: [], defaultIdTokenAlg: 'ES256' } as const
  for (const clientId of world.clients)
    await insertClient(
      database,
      clientId,
      completeMetadata({ redirect_uris: ['https://app.example'] }, terms),
      undefined,
    )
  await insertAccount(database, { sub: world.sub, profile: {}, email: undefined, passwordHash: text() })
  for (const browser of [0, 1, 2]) await take(world, { ...steps[0]!, what: 'enter', browser })
  for (const each of steps) {
    await takeHeld(world, each)
    const grants = await listGrants(database, { sub: world.sub }, undefined, 1000)
    const alive = grants.filter(({ endedAt }) => endedAt === undefined).map(({ id }) => id)
    same(each, alive.sort(), [...world.aliveGrants.keys()].sort())
    for (const grant of grants)
      if ((grant.endReason === undefined) !== (grant.endedAt === undefined))
        throw new Error(`${grant.id} has a reason or an end time, but not both.`)
    const sessions = await Promise.all([0, 1, 2].map((browser) => sessionOf(world, browser)))
    same(
      each,
      sessions.flatMap((session, browser) => (session ? [browser] : [])),
      [...world.aliveSessions].sort(),
    )
  }
  // In the end each row matches the judgement, and each ended grant has left one event.
  await take(world, { ...steps[0]!, what: 'settle' })
  const { rows } = await database.query<{ wrong: number }>({
    text: `SELECT count(*) AS wrong FROM grants LEFT JOIN LATERAL (
             SELECT count(*) AS events FROM events WHERE type = 'grant_ended' AND grant_id = grants.id) AS told ON true
           WHERE sub = $1 AND (events <> CASE WHEN ended_at IS NULL THEN 0 ELSE 1 END OR (ended_at IS NULL) <> (id = ANY ($2)))`,
    values: [world.sub, [...world.aliveGrants.keys()]],
  })
  if (rows[0]!.wrong > 0) throw new Error(`${rows[0]!.wrong} rows do not match the judgement.`)
}

function same(after: Step, found: unknown, expected: unknown): void {
  if (JSON.stringify(found) !== JSON.stringify(expected))
    throw new Error(`After ${after.what}: active are ${JSON.stringify(found)}, not ${JSON.stringify(expected)}.`)
}

t.test('whatever no decision has ended is active, whichever rows have followed', async (t) => {
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 30 }), live), { numRuns: 20 })
  t.pass('and in the end each row agrees, with one event')
})
