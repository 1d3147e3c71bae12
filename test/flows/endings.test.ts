import t, { type Test } from 'tap'
import { disableAccount, enableAccount, setPassword, signOutEverywhere } from '../../src/operations/account-access.ts'
import { deleteClient } from '../../src/operations/client-registration.ts'
import { deleteAccount } from '../../src/operations/delete-account.ts'
import {
  revokeGrantsOfClient,
  revokeGrantsOfConnection,
  revokeGrantsOfPerson,
} from '../../src/operations/revoke-grants.ts'
import type { Database } from '../../src/platform/database/pool.ts'
import { endNextBatch } from '../../src/records/endings/decide-ending.ts'
import { answer, emptyFolder } from '../cli/console.ts'
import type { Browser } from '../support/browser.ts'
import { untilNothingIsLeft } from '../support/eventually.ts'
import { basic, type Person, startSignet, type TestClient } from '../support/idp.ts'
import { type SignedIn, signIn } from '../support/journey.ts'
import { createRowMeter } from '../support/row-meter.ts'
import { openSeedingPool } from '../support/seeding-pool.ts'
import { testMasterKey } from '../support/signing-keys.ts'

/*
 * People with a very large number of grants, and everything that ends these. Until the last tests, no rows follow the decisions
 * (`endings.run` is not called), so everything that is refused before is refused by judgement alone.
 */

const idp = await startSignet(t)
const { database } = idp.signet
const operator = { kind: 'operator', by: 'test' } as const
const cost = createRowMeter(database)
const seeding = openSeedingPool(t, idp)
const query = async (text: string, values: unknown[] = []) => (await seeding.query({ text, values })).rows

/** Open grants of a person and client that are added to the real ones. Half of them end with the session. */
const crowd = 1_500

interface Collected {
  readonly person: Person
  readonly client: TestClient
  readonly browser: Browser
  /** One redeemed grant that ends with the session, one with a refresh token, and two whose codes have not been redeemed. */
  readonly journeys: Record<'online' | 'offline' | 'onlineCode' | 'offlineCode', SignedIn>
  readonly tokens: { readonly online: string; readonly offline: string; readonly refresh: string }
}

async function collect(): Promise<Collected> {
  const client = await idp.client()
  const { person, browser } = await signIn(idp, client)
  await query(
    `INSERT INTO grants (id, client_id, sub, session_id, scopes, resources, auth_time, acr, amr, created_at)
     SELECT client_id || n, client_id, sub, session_id, CASE WHEN n % 2 = 0 THEN '{openid}'::text[] ELSE scopes END, resources, auth_time, acr, amr,
       created_at
     FROM grants, generate_series(1, $2) AS n WHERE sub = $1`,
    [person.sub, crowd],
  )
  const go = (scope: string) => signIn(idp, client, { person, browser, parameters: { scope } })
  const [online, offline] = [await go('openid'), await go('openid offline_access')]
  const [onlineTokens, offlineTokens] = [(await online.redeem()).body, (await offline.redeem()).body]
  const [onlineCode, offlineCode] = [await go('openid'), await go('openid offline_access')]
  return {
    ...{ person, client, browser, journeys: { online, offline, onlineCode, offlineCode } },
    tokens: {
      online: onlineTokens.access_token,
      offline: offlineTokens.access_token,
      refresh: offlineTokens.refresh_token,
    },
  }
}

async function introspect({ client }: Collected, token: string): Promise<boolean> {
  const response = await fetch(`${idp.issuer}/introspect`, {
    method: 'POST',
    headers: { authorization: basic(client.client_id, client.secret ?? '') },
    body: new URLSearchParams({ token }),
  })
  return response.status === 200 && (await response.json()).active
}

/** What still works. Tokens are checked in every available way, and all must agree. */
async function aliveOf(t: Test, collected: Collected) {
  const { browser, client, tokens } = collected
  const token = async (text: string) => {
    const { status } = await fetch(`${idp.issuer}/userinfo`, { headers: { authorization: `Bearer ${text}` } })
    t.equal(await introspect(collected, text), status === 200, 'userinfo and introspection agree')
    return status === 200
  }
  const isActive = await introspect(collected, tokens.refresh)
  const refreshed = await idp.token(client, { grant_type: 'refresh_token', refresh_token: tokens.refresh })
  t.equal(refreshed.status === 200, isActive, 'refreshing and introspection agree')
  return {
    session: (await browser.get('/account')).status === 200,
    online: await token(tokens.online),
    offline: (await token(tokens.offline)) && isActive,
  }
}

async function redeemed({ journeys }: Collected) {
  const [online, offline] = [await journeys.onlineCode.redeem(), await journeys.offlineCode.redeem()]
  return { onlineCode: online.status === 200, offlineCode: offline.status === 200 }
}

/** Signs in on the sign-in page. */
async function enter(person: Person, browser = idp.browser(), password = person.password): Promise<Browser> {
  const page = await browser.get('/sign-in')
  const { status } = await browser.submit(page, 'sign-in', { username: person.username, password })
  if (status !== 303) throw new Error(`${person.username} cannot sign in: ${status}`)
  return browser
}

const nothing = { session: false, online: false, onlineCode: false, offline: false, offlineCode: false }
const offlineOnly = { ...nothing, offline: true, offlineCode: true }
const sessionOnly = { ...nothing, session: true }

interface Case {
  /** What still works afterwards. */
  readonly alive: typeof nothing
  readonly reason: string
  /** Prepares the case and returns the action that ends it. */
  readonly prepare: (collected: Collected) => Promise<() => Promise<unknown>>
}

const newPassword = 'quiet lamps over harbours'

const cases: Record<string, Case> = {
  'a disabled account': {
    alive: nothing,
    reason: 'account_disabled',
    prepare:
      async ({ person }) =>
      () =>
        disableAccount(idp.signet, operator, person.sub),
  },
  'an account whose password an operator sets': {
    alive: nothing,
    reason: 'password_set',
    prepare:
      async ({ person }) =>
      () =>
        setPassword(idp.signet, operator, person.sub, newPassword),
  },
  'a deleted account': {
    alive: nothing,
    reason: 'account_deleted',
    prepare:
      async ({ person }) =>
      () =>
        deleteAccount(idp.signet, operator, person.sub),
  },
  'a session that is signed out': {
    alive: offlineOnly,
    reason: 'signed_out',
    prepare: async ({ browser }) => {
      const page = await browser.get('/logout')
      const cookie = browser.cookies.get(browser.names.session) ?? ''
      return async () => {
        await browser.submit(page, 'confirm-logout')
        browser.cookies.set(browser.names.session, cookie)
      }
    },
  },
  'a session in whose browser somebody else signs in': {
    alive: offlineOnly,
    reason: 'signed_out',
    prepare: async ({ browser }) => {
      const other = await idp.person()
      const cookie = browser.cookies.get(browser.names.session) ?? ''
      return async () => {
        await enter(other, browser)
        browser.cookies.set(browser.names.session, cookie)
      }
    },
  },
  'a session that its owner ends from another browser': {
    alive: offlineOnly,
    reason: 'signed_out',
    prepare: async ({ person }) => {
      const here = await enter(person)
      const page = await here.get('/account/sessions')
      return () => here.submit(page, 'end-session-2')
    },
  },
  'all other sessions of a person': {
    alive: offlineOnly,
    reason: 'signed_out',
    prepare: async ({ person }) => {
      const here = await enter(person)
      const page = await here.get('/account/sessions')
      return () => here.submit(page, 'end-other-sessions')
    },
  },
  'the sessions of a person who changes the password elsewhere and keeps the applications': {
    alive: offlineOnly,
    reason: 'signed_out',
    prepare: async ({ person }) => {
      const here = await enter(person)
      const page = await here.get('/account/security')
      const form = { 'current-password': person.password, 'new-password': newPassword, 'end-applications': '' }
      return async () => {
        const { location } = await here.submit(page, 'password-change', form)
        if (!location?.endsWith('applications-kept')) throw new Error(`The password was not changed: ${location}`)
      }
    },
  },
  'sessions and applications of a person who changes the password elsewhere': {
    alive: nothing,
    reason: 'password_changed',
    prepare: async ({ person }) => {
      const here = await enter(person)
      const page = await here.get('/account/security')
      const form = { 'current-password': person.password, 'new-password': newPassword }
      return async () => {
        const { location } = await here.submit(page, 'password-change', form)
        if (!location?.endsWith('password-changed')) throw new Error(`The password was not changed: ${location}`)
      }
    },
  },
  'a person whom an operator signs out everywhere': {
    alive: nothing,
    reason: 'revoked_by_operator',
    prepare:
      async ({ person }) =>
      () =>
        signOutEverywhere(idp.signet, operator, person.sub),
  },
  'a person whose grants an operator ends': {
    alive: sessionOnly,
    reason: 'revoked_by_operator',
    prepare:
      async ({ person }) =>
      () =>
        revokeGrantsOfPerson(idp.signet, operator, person.sub),
  },
  'a person whose grants at one client an operator ends': {
    alive: sessionOnly,
    reason: 'revoked_by_operator',
    prepare:
      async ({ person, client }) =>
      () =>
        revokeGrantsOfConnection(idp.signet, operator, { sub: person.sub, clientId: client.client_id }, 'kept'),
  },
  'a client whose grants an operator ends': {
    alive: sessionOnly,
    reason: 'revoked_by_operator',
    prepare:
      async ({ client }) =>
      () =>
        revokeGrantsOfClient(idp.signet, operator, client.client_id),
  },
  'a disconnected application': {
    alive: sessionOnly,
    reason: 'disconnected',
    prepare: async ({ person, client }) => {
      const here = await enter(person)
      const page = await here.get('/account/applications')
      return () => here.submit(page, `disconnect-${client.client_id}`)
    },
  },
  'a deleted client': {
    alive: sessionOnly,
    reason: 'client_deleted',
    prepare:
      async ({ client }) =>
      () =>
        deleteClient(idp.signet, operator, client.client_id),
  },
}

const ended: [name: string, Case, Collected][] = []

for (const [name, ending] of Object.entries(cases))
  t.test(
    `${name}, with ${crowd} open grants: the change has constant cost, and nothing works from that moment on`,
    async (t) => {
      const collected = await collect()
      const { journeys, person, client } = collected
      await query('ANALYZE grants')
      const end = await ending.prepare(collected)
      const { read, written } = await cost(end)
      // A few rows of its own, and those of a hundred grants with their events.
      t.ok(written > 0 && written < 500, `${written} rows written`)
      t.ok(read < 1_500, `${read} rows read`)

      t.same({ ...(await aliveOf(t, collected)), ...(await redeemed(collected)) }, ending.alive)
      const real = await query(
        `SELECT count(*) AS open FROM grants WHERE client_id = $1 AND ended_at IS NULL AND id NOT LIKE client_id || '%' `,
        [client.client_id],
      )
      t.ok(real[0]?.['open'] >= Object.keys(journeys).length, 'although none of their rows has followed yet')

      const listed = JSON.parse((await command('grants', 'list', '--user', person.sub, '--json')).out || '[]')
      const isOpen = (grant: { end_reason?: string }) => grant.end_reason === undefined
      const hidden = ending.reason === 'account_deleted'
      t.equal(
        listed.some(isOpen),
        !hidden && ending.alive.offline,
        'and the list for operators shows their state as judged',
      )
      if (!hidden) t.ok(listed.some((grant: { end_reason?: string }) => grant.end_reason === ending.reason))
      ended.push([name, ending, collected])
    },
  )

t.test('a deleted client is gone for everybody, even while its rows still exist', async (t) => {
  const [, , { client, browser }] = ended.find(([name]) => name === 'a deleted client')!
  const id = client.client_id
  t.equal((await query('SELECT FROM clients WHERE client_id = $1', [id])).length, 1)
  const authorize = new URLSearchParams({
    client_id: id,
    redirect_uri: client.redirect_uris[0] ?? '',
    response_type: 'code',
  })
  const { status, location } = await browser.get(`/authorize?${authorize}`)
  t.same([status, location], [400, undefined], 'nobody is redirected to it')
  t.match(await idp.token(client, { grant_type: 'client_credentials' }), {
    status: 401,
    body: { error: 'invalid_client' },
  })
  t.notMatch((await command('clients', 'list', '--json')).out, id)
  for (const verb of ['show', 'delete', 'rotate-secret']) t.equal((await command('clients', verb, id)).code, 1, verb)
  t.equal((await command('clients', 'update', id, '--name', 'Back')).code, 1)
  t.notMatch((await browser.get('/account/applications')).text, id)
})

t.test('when an account is enabled again, whatever had ended stays ended', async (t) => {
  const [, , collected] = ended.find(([name]) => name === 'a disabled account')!
  const account = await enableAccount(idp.signet, operator, collected.person.sub)
  t.match(account, { disabled: false })
  t.match(await aliveOf(t, collected), { session: false, online: false, offline: false })
  const { redeem } = await signIn(idp, collected.client, { person: collected.person })
  const { access_token: token } = (await redeem()).body
  const userinfo = await fetch(`${idp.issuer}/userinfo`, { headers: { authorization: `Bearer ${token}` } })
  t.equal(userinfo.status, 200, 'the person signs in, and whatever they open from now on is active')
})

t.test('a process that is killed between two batches loses nothing', async (t) => {
  const before = await query('SELECT * FROM endings ORDER BY id')
  t.ok(before.length >= ended.length)
  const killed = new Error('killed')
  const dying = {
    connect: async () => {
      const client = await database.connect()
      return new Proxy(client, {
        get: (target, name) => {
          if (name === 'query')
            return (statement: { text: string }) =>
              statement.text === 'COMMIT' ? Promise.reject(killed) : target.query(statement)
          const value = Reflect.get(target, name)
          return typeof value === 'function' ? value.bind(target) : value
        },
      })
    },
    query: () => Promise.reject(killed),
  } as unknown as Database
  await t.rejects(endNextBatch(dying), killed)
  t.same(await query('SELECT * FROM endings ORDER BY id'), before)
})

t.test('rows follow in batches, and each grant leaves one event with the reason for its end', async (t) => {
  let batches = 0
  let most = 0
  for (let isMore = true; isMore; batches++) {
    const { written } = await cost(async () => {
      isMore = await endNextBatch(database)
    })
    most = Math.max(most, written)
  }
  t.ok(batches > ended.length)
  t.ok(most < 4_000, `${most} rows at a time`)

  for (const [name, { alive, reason }, { person, client }] of ended) {
    const rows = await query('SELECT scopes, end_reason FROM grants WHERE client_id = $1', [client.client_id])
    const open = rows.filter((row) => row['end_reason'] === null)
    if (reason === 'client_deleted') t.equal(rows.length, 0, `${name}: deleted`)
    else if (alive.offline)
      t.ok(
        open.every(({ scopes }) => scopes.includes('offline_access')),
        `${name}: only offline access is left`,
      )
    else if (reason !== 'account_disabled') t.equal(open.length, 0, `${name}: none is open`)
    const events = await query(
      `SELECT detail ->> 'reason' AS reason, count(*) AS events, count(DISTINCT grant_id) AS grants FROM events
       WHERE type = 'grant_ended' AND client_id = $1 AND sub = $2 GROUP BY 1`,
      [client.client_id, person.sub],
    )
    t.ok(
      events.every((row) => row['events'] === row['grants']),
      `${name}: no grant has two events`,
    )
    const counted = events.find((row) => row['reason'] === reason)
    t.ok(counted?.['grants'] > crowd / 3, `${name}: ${counted?.['grants']} by ${reason}`)
    // Grants beyond the limit of a session had ended before.
    t.same(
      events.map((row) => row['reason']).filter((other) => other !== 'superseded'),
      [reason],
      name,
    )
  }
  t.same(
    await query(`SELECT client_id FROM clients WHERE deleted_at IS NOT NULL`),
    [],
    'a deleted client is removed last',
  )
})

t.test('decisions are checked once more a little later, and then removed', async (t) => {
  t.ok((await query('SELECT FROM endings')).length > 0)
  await query("UPDATE endings SET decided_at = decided_at - interval '1 hour', due_at = now()")
  await untilNothingIsLeft('all rows to follow', () => endNextBatch(database))
  t.same(await query('SELECT * FROM endings'), [])
})

t.test('where no server runs, a command updates the rows of its own decision', async (t) => {
  const { person, client } = await collect()
  const { code, out } = await command('users', 'disable', person.sub)
  t.equal(code, 0)
  t.notMatch(out, 'This is in effect now', 'there was time for all of them')
  t.same(await query('SELECT FROM grants WHERE sub = $1 AND ended_at IS NULL', [person.sub]), [])
  t.equal((await command('clients', 'delete', client.client_id)).code, 0)
  t.same(await query('SELECT FROM clients WHERE client_id = $1', [client.client_id]), [])
})

const folder = emptyFolder(t)
function command(...args: string[]) {
  const { settings } = idp.signet
  const environment = {
    SIGNET_DATABASE_URL: settings.databaseUrl ?? '',
    SIGNET_DATABASE_SCHEMA: settings.databaseSchema,
    SIGNET_ISSUER: settings.issuer,
    SIGNET_KEYS_DIR: settings.keysDir,
    SIGNET_MASTER_KEY: testMasterKey,
    SIGNET_LOG_LEVEL: 'silent',
  }
  return answer(args, { environment, folder })
}
