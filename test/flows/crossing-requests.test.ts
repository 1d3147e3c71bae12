import { connect } from 'node:net'
import t from 'tap'
import { eventually } from '../support/eventually.ts'
import { startSignet } from '../support/idp.ts'
import { authorizationParameters, pkce, signIn } from '../support/journey.ts'

const idp = await startSignet(t)

t.test('a consent and a disconnection at the same moment do not deadlock', async (t) => {
  const client = await idp.client()
  const { browser } = await signIn(idp, client)
  const parameters = authorizationParameters(client, pkce(), { prompt: 'consent' })
  const page = await browser.follow(await browser.get(`/authorize?${new URLSearchParams(parameters)}`))
  const account = await browser.get('/account/applications')
  const { database } = idp.signet
  const holder = await database.connect()
  const { rows } = await holder.query('SELECT pg_backend_pid() AS pid')
  await holder.query('BEGIN')
  await holder.query('SELECT FROM sessions FOR UPDATE')
  const waiting = async (many: number) => {
    const text =
      "SELECT FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid)) OR wait_event_type = 'Lock' AND application_name = 'signet'"
    const look = async () => (await database.query({ text, values: [rows[0]?.pid] })).rows.length
    await eventually(`${many} to wait for a lock`, look, (found) => found >= many)
  }
  // On another node, because on one node they take turns before they reach the database.
  const elsewhere = (await idp.another()).browser()
  for (const [name, value] of browser.cookies) elsewhere.cookies.set(name, value)
  const disconnected = browser.submit(account, `disconnect-${client.client_id}`)
  await waiting(1)
  const allowed = elsewhere.submit(page, 'allow', { decision: 'allow' })
  await waiting(2)
  await holder.query('COMMIT')
  holder.release()
  t.same([(await disconnected).status, (await allowed).status], [303, 303])
})

t.test('a client that disconnects in the middle of its body is not reported as a database failure', async (t) => {
  const before = idp.logged().length
  const head =
    'POST /token HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: 100\r\n'
  const socket = connect(idp.signet.settings.port, '127.0.0.1', () =>
    socket.write(`${head}expect: 100-continue\r\n\r\n`),
  )
  socket.on('data', () => socket.resetAndDestroy())
  await new Promise((resolve) => socket.once('close', resolve))
  // The response to a later request arrives after the server has noticed the disconnection.
  for (let later = 0; later < 10; later++) await idp.browser().get('/healthz')
  t.notMatch(idp.logged().slice(before), '"level":50')
})
