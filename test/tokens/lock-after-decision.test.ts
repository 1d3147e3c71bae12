import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { decide, ofDevice, startDevice } from '../support/device.ts'
import { eventually } from '../support/eventually.ts'
import { type Reply, startSignet } from '../support/idp.ts'
import { signIn } from '../support/journey.ts'

/*
 * A request has read that its grant is alive, and signed the tokens. Then its second statement waits for the row, which a node of the previous
 * release has locked, and in the meantime the account is disabled.
 */

const idp = await startSignet(t)
const { database } = idp.signet

async function ofCode() {
  const { person, redeem } = await signIn(idp, await idp.client())
  return { person, request: () => redeem() }
}

async function ofFamily(metadata: Parameters<typeof idp.client>[0]) {
  const client = await idp.client(metadata)
  const { person, redeem } = await signIn(idp, client)
  const { refresh_token: token } = (await redeem()).body
  // A client without rotation changes the row only when the end of the family moves.
  await database.query("UPDATE refresh_families SET expires_at = expires_at - interval '1 hour'")
  return { person, request: () => idp.token(client, { grant_type: 'refresh_token', refresh_token: token }) }
}

async function ofDeviceCode() {
  const person = await idp.person()
  const device = await startDevice(idp, await idp.client(ofDevice))
  await decide(idp.browser(), person, device)
  return { person, request: () => device.poll() }
}

const cases = [
  { what: 'a code', table: 'authorization_codes', prepare: ofCode },
  {
    what: 'a refresh token',
    table: 'refresh_families',
    prepare: () => ofFamily({ token_endpoint_auth_method: 'none' }),
  },
  { what: 'a refresh token without rotation', table: 'refresh_families', prepare: () => ofFamily({}) },
  { what: 'a device code', table: 'device_requests', prepare: ofDeviceCode },
]

for (const { what, table, prepare } of cases)
  t.test(`${what} that waits for its row while the account is disabled is judged by the later state`, async (t) => {
    const { person, request } = await prepare()
    const holder = await database.connect()
    await holder.query('BEGIN')
    await holder.query(`SELECT FROM ${table} FOR UPDATE`)
    const { rows } = await holder.query('SELECT pg_backend_pid() AS pid')
    const waiting: Promise<Reply> = request()
    await eventually('the request to wait for the row', async () => {
      const text = 'SELECT FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))'
      return (await database.query({ text, values: [rows[0].pid] })).rowCount === 1
    })
    // A statement that waits for less than a tenth of a second is as if it had been sent that much earlier.
    await pause(150)
    // As an operator's command does it, except for the rows of the grants: of a person with very many, they are updated later.
    await database.query({ text: 'UPDATE accounts SET disabled_at = now() WHERE sub = $1', values: [person.sub] })
    await holder.query('COMMIT')
    holder.release()
    t.match(await waiting, { status: 400, body: { error: 'invalid_grant' } })
  })
