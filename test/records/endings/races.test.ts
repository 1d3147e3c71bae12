import { randomBytes } from 'node:crypto'
import t from 'tap'
import {
  disableAccount,
  enableAccount,
  setPassword,
  signOutEverywhere,
} from '../../../src/operations/account-access.ts'
import type { Actor } from '../../../src/operations/actor.ts'
import { changeProvenPassword } from '../../../src/operations/change-password.ts'
import { deleteClient } from '../../../src/operations/client-registration.ts'
import { deleteAccount } from '../../../src/operations/delete-account.ts'
import { endOtherSessions, endOwnSession, signOut } from '../../../src/operations/own-sessions.ts'
import {
  disconnectApplication,
  revokeGrantsOfClient,
  revokeGrantsOfConnection,
  revokeGrantsOfPerson,
} from '../../../src/operations/revoke-grants.ts'
import { createClock } from '../../../src/platform/clock.ts'
import type { Database } from '../../../src/platform/database/pool.ts'
import { inTransaction } from '../../../src/platform/database/queryable.ts'
import type { Turns } from '../../../src/platform/turns.ts'
import { lockPassword } from '../../../src/records/accounts/account-password-store.ts'
import { insertAccount } from '../../../src/records/accounts/accounts-store.ts'
import type { PasswordHashing } from '../../../src/records/accounts/password-hashing.ts'
import { completeMetadata } from '../../../src/records/clients/client-metadata.ts'
import { insertClient } from '../../../src/records/clients/clients-store.ts'
import { endNextBatch } from '../../../src/records/endings/decide-ending.ts'
import { noClaims } from '../../../src/records/grants/claims-of-request.ts'
import { findGrant } from '../../../src/records/grants/grants-store.ts'
import type { ClientId, GrantId, Sid, Sub } from '../../../src/records/ids.ts'
import { findSession, insertSession, type Session } from '../../../src/records/sessions/sessions-store.ts'
import type { Signet } from '../../../src/signet.ts'
import { findCode, insertCode, spendCode } from '../../../src/tokens/authorization-codes-store.ts'
import { findFamily } from '../../../src/tokens/refresh-families-store.ts'
import { migratedDatabase } from '../../database.ts'
import { clientVersion } from '../../support/client-version.ts'
import { eventually, untilNothingIsLeft } from '../../support/eventually.ts'

/*
 * Each way to end grants runs concurrently with each way to open one, redeem a code or sign in: one of the two has done all of its
 * work but not committed yet when the other begins. Whichever comes first, what has ended is never active afterwards.
 */

const { openPool } = await migratedDatabase(t)
const database = openPool({ max: 4 })
/** One connection, so that the test can see what it waits for. */
const single = openPool({ max: 1 })
const { rows: backends } = await single.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')

const endings = { wake: () => {}, run: () => {}, stop: async () => {} }
// No turns here, because the race between two nodes is what is tested.
const turns: Turns = { take: (_key, work) => work() }
/** Stores passwords unhashed, because argon2 would take most of the time. */
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
const newPassword = 'quiet lamps over harbours'
const text = () => randomBytes(12).toString('hex')
const idle = 3600

interface Setting {
  readonly sub: Sub
  readonly clientId: ClientId
  /** The session that opens grants, and another session of the same person. */
  readonly session: Session
  readonly other: Session
  /** Issued but not redeemed, with offline access. */
  readonly code: Buffer
  readonly codeGrant: string
}

async function signInAs(db: Database, sub: Sub): Promise<Buffer | undefined> {
  const digest = randomBytes(32)
  const started = await inTransaction(db, async (tx) => {
    if (!(await lockPassword(tx, sub, 'old'))) return undefined
    return insertSession(tx, {
      ...{
        digest,
        browserDigest: digest,
        sub,
        authTime: Date.now(),
        amr: ['pwd'],
        ttl: idle,
        sidVersion: 1,
        replaces: undefined,
      },
    })
  })
  return started && digest
}

async function openGrant(db: Database, { session, clientId }: Pick<Setting, 'session' | 'clientId'>, scopes: string[]) {
  const [id, code] = [text() as GrantId, randomBytes(32)]
  const grant = { id, clientId, sub: session.account.sub, sessionId: session.id, epoch: session.accountEpoch, scopes }
  const clientUpdatedAt = await clientVersion(db, clientId)
  const opened = await inTransaction(db, (tx) =>
    insertCode(
      tx,
      {
        grant: { ...grant, resources: [], claims: noClaims, authTime: Date.now(), acr: 'aal1', amr: ['pwd'] },
        ...{
          digest: code,
          ttl: 60,
          redirectUri: 'https://app.example',
          sid: 'sid' as Sid,
          codeChallenge: undefined,
          nonce: undefined,
          clientUpdatedAt,
        },
      },
      { opened: { type: 'grant_opened', by: 'test' } },
    ),
  )
  return opened ? { id, code } : undefined
}

async function setUp(): Promise<Setting> {
  const [sub, clientId] = [text() as Sub, `client_${text()}` as ClientId]
  const terms = { resources: [], defaultIdTokenAlg: 'ES256' } as const
  await insertClient(database, clientId, completeMetadata({ redirect_uris: ['https://app.example'] }, terms), undefined)
  await insertAccount(database, { sub, profile: {}, email: undefined, passwordHash: 'old' })
  const enter = async () => (await findSession(database, (await signInAs(database, sub))!, idle))!
  const [session, other] = [await enter(), await enter()]
  const { id: codeGrant, code } = (await openGrant(database, { session, clientId }, ['openid', 'offline_access']))!
  return { sub, clientId, session, other, code, codeGrant }
}

const operator = { kind: 'operator', by: 'test' } as const
const personOf = ({ sub }: Setting): Actor => ({ kind: 'person', sub, caller: { requestId: text(), network: '::1' } })

interface Ending {
  readonly decide: (db: Database, setting: Setting) => Promise<unknown>
  /** Grants with offline access are kept. */
  readonly isOfSessions?: true
  /** Nobody can sign in with the previous password. */
  readonly endsSignIns?: true
  /** A grant opened after the decision, by a statement that begins after its commit, is a new one and stays open. */
  readonly letsOpen?: true
}

const ways: Record<string, Ending> = {
  disable: {
    endsSignIns: true,
    decide: (db, { sub }) => disableAccount({ database: db, endings, turns }, operator, sub),
  },
  'set a password': {
    endsSignIns: true,
    decide: (db, { sub }) =>
      setPassword(
        { database: db, endings, turns, passwords, breachedPasswords, ...mailing },
        operator,
        sub,
        newPassword,
      ),
  },
  'delete the account': {
    endsSignIns: true,
    decide: (db, { sub }) => deleteAccount({ database: db, endings, turns, ...mailing }, operator, sub),
  },
  'change the password elsewhere': {
    endsSignIns: true,
    isOfSessions: true,
    decide: (db, setting) =>
      changeProvenPassword({ database: db, endings, turns, ...mailing }, personOf(setting), setting.other, {
        ...{ from: 'old', to: 'new', isShort: false, sessionDigest: randomBytes(32), applications: 'keep' },
      }),
  },
  'change the password elsewhere and sign out of all applications': {
    endsSignIns: true,
    decide: (db, setting) =>
      changeProvenPassword({ database: db, endings, turns, ...mailing }, personOf(setting), setting.other, {
        ...{ from: 'old', to: 'new', isShort: false, sessionDigest: randomBytes(32), applications: 'end' },
      }),
  },
  'change the password here and sign out of all applications': {
    endsSignIns: true,
    decide: (db, setting) =>
      changeProvenPassword({ database: db, endings, turns, ...mailing }, personOf(setting), setting.session, {
        ...{ from: 'old', to: 'new', isShort: false, sessionDigest: randomBytes(32), applications: 'end' },
      }),
  },
  'sign the person out everywhere': {
    decide: (db, { sub }) => signOutEverywhere({ database: db, endings, turns }, operator, sub),
  },
  'revoke all grants of the person': {
    decide: (db, { sub }) => revokeGrantsOfPerson({ database: db, endings, turns }, operator, sub),
  },
  'revoke all grants of the person at the client': {
    decide: (db, { sub, clientId }) =>
      revokeGrantsOfConnection({ database: db, endings, turns }, operator, { sub, clientId }, 'kept'),
  },
  'revoke all grants of the client': {
    letsOpen: true,
    decide: (db, { clientId }) => revokeGrantsOfClient({ database: db, endings }, operator, clientId),
  },
  'end all other sessions': {
    isOfSessions: true,
    decide: (db, setting) => endOtherSessions({ database: db, endings, turns }, personOf(setting), setting.other),
  },
  'end the session': {
    isOfSessions: true,
    decide: (db, setting) =>
      endOwnSession({ database: db, endings, turns }, personOf(setting), setting.other, setting.session.id),
  },
  'sign out': {
    isOfSessions: true,
    decide: (db, setting) => signOut({ database: db, endings, turns }, personOf(setting), setting.session),
  },
  disconnect: {
    decide: (db, setting) =>
      disconnectApplication({ database: db, endings, turns }, personOf(setting), setting.other, setting.clientId),
  },
  'delete the client': {
    decide: (db, { clientId }) => deleteClient({ database: db, endings }, operator, clientId),
  },
}

interface Racer {
  readonly go: (db: Database, setting: Setting) => Promise<unknown>
  /** Whether the result may be active: after a decision that ends only sessions, or after any other. */
  readonly mayLive: (ending: Ending) => boolean
  readonly isAlive: (setting: Setting, made: never) => Promise<boolean>
}

const isGrantAlive = async (id: string) => {
  const grant = await findGrant(database, id)
  return grant !== undefined && grant.endedAt === undefined
}

const racers: Record<string, Racer> = {
  'a grant for the session': {
    go: (db, setting) => openGrant(db, setting, ['openid']),
    mayLive: () => false,
    isAlive: async (_, made?: { id: string }) => made !== undefined && isGrantAlive(made.id),
  },
  'a grant with offline access': {
    go: (db, setting) => openGrant(db, setting, ['openid', 'offline_access']),
    mayLive: ({ isOfSessions }) => isOfSessions === true,
    isAlive: async (_, made?: { id: string }) => made !== undefined && isGrantAlive(made.id),
  },
  'a code being redeemed': {
    go: async (db, { code }) => {
      const stored = await findCode(db, code)
      if (!stored?.person) return undefined
      const digest = randomBytes(32)
      const family = { digest, secretVersion: 1, sliding: idle, absolute: idle }
      const event = { type: 'tokens_issued', by: 'test', grantId: stored.grant.id } as const
      return (await inTransaction(db, (tx) => spendCode(tx, code, family, event))) && digest
    },
    mayLive: ({ isOfSessions }) => isOfSessions === true,
    isAlive: async ({ codeGrant }, digest?: Buffer) => {
      const family = digest && (await findFamily(database, digest, { ttl: idle, step: 60 }))
      return family?.person !== undefined || (digest !== undefined && (await isGrantAlive(codeGrant)))
    },
  },
  'a sign-in': {
    go: (db, { sub }) => signInAs(db, sub),
    mayLive: ({ endsSignIns }) => !endsSignIns,
    isAlive: async (_, digest?: Buffer) =>
      digest !== undefined && (await findSession(database, digest, idle)) !== undefined,
  },
}

/** A pool whose transactions stop before their commit until they are released. */
function heldAtCommit(db: Database) {
  let release = () => {}
  let reach = () => {}
  const gate = new Promise<void>((resolve) => (release = resolve))
  const reached = new Promise<void>((resolve) => (reach = resolve))
  const connect = async () => {
    const client = await db.connect()
    return new Proxy(client, {
      get: (target, name) => {
        if (name === 'query')
          return async (statement: { text: string }) => {
            if (statement.text === 'COMMIT') {
              reach()
              await gate
            }
            return target.query(statement)
          }
        const value = Reflect.get(target, name)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
  }
  const query = (statement: { text: string; values: unknown[] }) => db.query(statement)
  return { pool: { connect, query } as unknown as Database, reached, release }
}

/** Whether the single connection waits for another one before `work` is done. */
async function waits(work: Promise<unknown>): Promise<boolean> {
  let isDone = false
  const done = work.finally(() => {
    isDone = true
  })
  done.catch(() => {})
  const look = async () => {
    if (isDone) return 'done'
    const { rows } = await database.query<{ waits: boolean }>({
      text: 'SELECT cardinality(pg_blocking_pids($1)) > 0 AS waits',
      values: [backends[0]!.pid],
    })
    return rows[0]!.waits && 'waits'
  }
  return (await eventually('the decision to be done, or to wait for another connection', look)) === 'waits'
}

for (const [way, ending] of Object.entries(ways))
  for (const [name, racer] of Object.entries(racers)) {
    t.test(`${name}, uncommitted when a decision is made: ${way}`, async (t) => {
      const setting = await setUp()
      const { pool, reached, release } = heldAtCommit(database)
      const made = racer.go(pool, setting)
      await Promise.race([reached, made])
      const decided = ending.decide(single, setting)
      const isKeptWaiting = await waits(decided)
      if (name !== 'a sign-in') t.notOk(isKeptWaiting, 'the decision does not wait')
      release()
      await decided
      const alive = await racer.isAlive(setting, (await made) as never)
      t.ok(racer.mayLive(ending) || !alive)
    })

    t.test(`${name}, while a decision is uncommitted: ${way}`, async (t) => {
      const setting = await setUp()
      const { pool, reached, release } = heldAtCommit(database)
      const decided = ending.decide(pool, setting)
      await reached
      const made = racer.go(single, setting)
      await waits(made)
      release()
      await decided
      const alive = await racer.isAlive(setting, (await made) as never)
      t.ok(racer.mayLive(ending) || !alive)
      if (way === 'disable') {
        await enableAccount({ database, endings, turns }, operator, setting.sub)
        t.notOk(await racer.isAlive(setting, (await made) as never), 'nor when the account is enabled again')
      }
    })

    t.test(`${name}, after a decision that it did not know: ${way}`, async (t) => {
      const setting = await setUp()
      await ending.decide(database, setting)
      const made = await racer.go(database, setting)
      const isOpened = made !== undefined
      const mayOpen = name.startsWith('a grant') && ending.letsOpen === true
      if (name.startsWith('a grant')) t.equal(isOpened, mayOpen, mayOpen ? 'is a new one' : 'is not opened')
      const alive = await racer.isAlive(setting, made as never)
      if (mayOpen) t.ok(alive)
      else t.ok(racer.mayLive(ending) || !alive)
    })
  }

t.test(
  'what the previous release opens meanwhile belongs to the epochs of its client and account, or of its ended session',
  async (t) => {
    const setting = await setUp()
    const { sub, clientId, session } = setting
    await setPassword(
      { database, endings, turns, passwords, breachedPasswords, ...mailing },
      operator,
      sub,
      newPassword,
    )
    await revokeGrantsOfClient({ database, endings }, operator, clientId)
    // As version 0.1 does: these statements name no epoch, and read only the row of a session.
    const openAsBefore = async (sessionId: number) => {
      const id = text()
      await database.query({
        text: `INSERT INTO grants (id, client_id, sub, session_id, scopes, resources, auth_time, acr, amr)
             VALUES ($1, $2, $3, $4, '{openid,offline_access}', '{}', now(), 'aal1', '{pwd}')`,
        values: [id, clientId, sub, sessionId],
      })
      return id
    }
    const { rows } = await database.query<{ id: number; digest: Buffer }>({
      text: `INSERT INTO sessions (digest, browser_digest, sub, auth_time, amr, expires_at)
           VALUES ($1, '', $2, now(), '{pwd}', now() + interval '1 day') RETURNING id, digest`,
      values: [randomBytes(32), sub],
    })
    t.match(await findSession(database, rows[0]!.digest, idle), { account: { sub } })
    t.ok(await isGrantAlive(await openAsBefore(rows[0]!.id)))
    t.notOk(await isGrantAlive(await openAsBefore(session.id)), 'by a session that the new password ended')
  },
)

t.test('a grant written after the rows of its ending were updated still gets its event', async (t) => {
  const setting = await setUp()
  const { pool, reached, release } = heldAtCommit(database)
  const made = openGrant(pool, setting, ['openid'])
  await reached
  await setPassword(
    { database, endings, turns, passwords, breachedPasswords, ...mailing },
    operator,
    setting.sub,
    newPassword,
  )
  await untilNothingIsLeft('the endings to follow', () => endNextBatch(database))
  release()
  const { id } = (await made)!
  const row = async () => {
    const { rows } = await database.query({ text: 'SELECT end_reason FROM grants WHERE id = $1', values: [id] })
    return rows[0]?.['end_reason']
  }
  t.match(await findGrant(database, id), { endReason: 'password_set' }, 'it has ended from the start')
  t.equal(await row(), null)
  await database.query("UPDATE endings SET decided_at = decided_at - interval '1 minute', due_at = now()")
  await untilNothingIsLeft('the endings to follow', () => endNextBatch(database))
  t.equal(await row(), 'password_set')
  const { rows } = await database.query({
    text: "SELECT detail FROM events WHERE type = 'grant_ended' AND grant_id = $1",
    values: [id],
  })
  t.same(rows, [{ detail: { reason: 'password_set' } }])
})

/** Opens more grants than fit into one batch. */
const openMany = ({ sub, clientId, session }: Setting) =>
  database.query({
    text: `INSERT INTO grants (id, client_id, sub, session_id, scopes, resources, auth_time, acr, amr, epoch)
           SELECT gen_random_uuid(), $1, $2, $3, '{openid}', '{}', now(), 'aal1', '{pwd}', 0 FROM generate_series(1, 1200)`,
    values: [clientId, sub, session.id],
  })

t.test('a grant ended by two decisions about a client counts for the first, and names it', async (t) => {
  const setting = await setUp()
  await openMany(setting)
  const revoke = () => revokeGrantsOfClient({ database, endings }, operator, setting.clientId)
  const [first, second] = [await revoke(), await revoke()]
  await deleteClient({ database, endings }, operator, setting.clientId)
  t.match(
    [first, second],
    [
      { grants: 100, left: true },
      { grants: 0, left: true },
    ],
  )
  const counted = async () => {
    const { rows } = await database.query<{ ended_grants: number }>({
      text: `SELECT ended_grants FROM endings WHERE client_id = $1 AND kind = 'client_grants' ORDER BY id`,
      values: [setting.clientId],
    })
    return rows.map((row) => row.ended_grants)
  }
  await untilNothingIsLeft('the endings to follow', () => endNextBatch(database))
  t.same(await counted(), [1201, 0])
  const { rows } = await database.query({
    text: `SELECT detail ->> 'reason' AS reason, count(*) AS grants FROM events WHERE type = 'grant_ended' AND client_id = $1 GROUP BY 1`,
    values: [setting.clientId],
  })
  t.same(rows, [{ reason: 'revoked_by_operator', grants: 1201 }])
})

t.test('a grant ended by two decisions names the first, even if its row is updated after both', async (t) => {
  const setting = await setUp()
  const { sub } = setting
  await openMany(setting)
  await setPassword({ database, endings, turns, passwords, breachedPasswords, ...mailing }, operator, sub, newPassword)
  await deleteAccount({ database, endings, turns, ...mailing }, operator, sub)
  await untilNothingIsLeft('the endings to follow', () => endNextBatch(database))
  const { rows } = await database.query({
    text: 'SELECT end_reason, count(*) AS grants FROM grants WHERE sub = $1 GROUP BY end_reason',
    values: [sub],
  })
  t.same(rows, [{ end_reason: 'password_set', grants: 1201 }])
})
