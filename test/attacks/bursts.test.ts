import t from 'tap'
import { eventually } from '../support/eventually.ts'
import { startSignet } from '../support/idp.ts'
import { signIn } from '../support/journey.ts'

t.test('as many redemptions as database connections, under a key that has signed nothing yet', async (t) => {
  const idp = await startSignet(t, { SIGNET_DATABASE_POOL: '2' })
  const { database } = (await idp.another({ SIGNET_DATABASE_POOL: '2' })).signet
  const client = await idp.client({ first_party: true })
  const first = await signIn(idp, client)
  const second = await signIn(idp, client, first)

  // Both codes are locked until both redemptions are running, each on one of the two connections.
  const holder = await database.connect()
  const { rows } = await holder.query('SELECT pg_backend_pid() AS pid')
  await holder.query('BEGIN')
  await holder.query('SELECT FROM authorization_codes FOR UPDATE')
  const replies = Promise.all([first.redeem(), second.redeem()])
  const waiting = async () => {
    const text = 'SELECT FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))'
    return (await database.query({ text, values: [rows[0]?.pid] })).rows.length
  }
  await eventually('both redemptions to wait', waiting, (count) => count === 2)
  await holder.query('COMMIT')
  holder.release()
  t.same(
    (await replies).map(({ status }) => status),
    [200, 200],
    'signing does not wait for a connection that another redemption holds',
  )
})
