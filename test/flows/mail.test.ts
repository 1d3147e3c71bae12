// Own process: it waits for most of its time.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type QueuedMail, queueMail } from '../../src/operations/queue-mail.ts'
import { inTransaction } from '../../src/platform/database/queryable.ts'
import { addJob } from '../../src/platform/jobs/jobs-store.ts'
import { eventually } from '../support/eventually.ts'
import { type Idp, startSignet } from '../support/idp.ts'
import { type MailServerBehaviour, startBrokenMailServer, startMailServer } from '../support/mail-server.ts'

function toMaria({ issuer }: Idp): QueuedMail {
  const mail = { kind: 'recovery', link: `${issuer}/recover/password?token=sesame`, minutes: 30 } as const
  return { to: 'maria@example.com', locale: 'en', mail, sub: 'maria' }
}

/** Jobs in the queue: of the schema `signet_test`. */
const jobs = 'signet_test_jobs'

function send(idp: Idp, more: Partial<QueuedMail> = {}): Promise<void> {
  return inTransaction(idp.signet.database, (tx) => queueMail(tx, idp.signet, { ...toMaria(idp), ...more }))
}

async function startWithServer(t: Test, behaviour: MailServerBehaviour = {}) {
  const server = await startMailServer(t, behaviour)
  return { server, idp: await startSignet(t, smtpSettings(server.port)) }
}

function smtpSettings(port: number): Record<string, string> {
  return { SIGNET_SMTP_URL: `smtp://127.0.0.1:${port}`, SIGNET_MAIL_FROM: 'Example <id@example.com>' }
}

interface JobRow {
  readonly attempts: number
  readonly max_attempts: number
  readonly locked_by: string | null
  readonly last_error: string | null
}

async function queued({ signet }: Idp): Promise<JobRow[]> {
  const { rows } = await signet.database.query<JobRow>({
    text: `SELECT attempts, max_attempts, locked_by, last_error FROM ${jobs}.jobs ORDER BY id`,
  })
  return rows
}

const emptyQueue = (idp: Idp) => eventually('the queue to be empty', async () => (await queued(idp)).length === 0)

/** Makes waiting jobs due now. */
async function hurry({ signet: { database } }: Idp): Promise<void> {
  await database.query({ text: `UPDATE ${jobs}._private_jobs SET run_at = now() WHERE locked_at IS NULL` })
  await database.query({ text: `SELECT pg_notify('signet_jobs', 'signet_test')` })
}

async function failures({ signet }: Idp): Promise<{ sub: string | null; detail: Record<string, unknown> }[]> {
  const { rows } = await signet.database.query({
    text: `SELECT sub, detail FROM events WHERE type = 'mail_failed' ORDER BY id`,
  })
  return rows
}

function counted({ signet }: Idp): Record<string, number> {
  const samples = signet.metrics.readings.signet_mails_total()
  return Object.fromEntries(samples.map(({ labels, value }) => [labels['outcome'], value]))
}

function filesOf({ signet }: Idp): string[] {
  const { mail } = signet.settings
  if (mail.delivery !== 'files' || !existsSync(mail.folder)) return []
  return readdirSync(mail.folder)
    .filter((name) => name.endsWith('.eml'))
    .map((name) => join(mail.folder, name))
}

t.test('a mail whose transaction is rolled back is not sent', async (t) => {
  const { server, idp } = await startWithServer(t)
  await t.rejects(
    inTransaction(idp.signet.database, async (tx) => {
      await queueMail(tx, idp.signet, { ...toMaria(idp), to: 'nobody@example.com' })
      throw new Error('rolled back')
    }),
    { message: 'rolled back' },
  )
  await send(idp)
  await emptyQueue(idp)
  t.same(
    server.mails.map(({ to }) => to),
    [['maria@example.com']],
  )
})

t.test('a waiting mail cannot be read in the database, nor a sent one in the log', async (t) => {
  const idp = await startSignet(t)
  const { database } = idp.signet
  await inTransaction(database, async (tx) => {
    await queueMail(tx, idp.signet, toMaria(idp))
    const { rows } = await tx.query<{ job: object }>({ text: `SELECT to_jsonb(j) AS job FROM ${jobs}._private_jobs j` })
    t.equal(rows.length, 1)
    t.notMatch(JSON.stringify(rows), /maria|sesame|recovery/)
  })
  const [file = ''] = await eventually(
    'the file',
    () => filesOf(idp),
    (files) => files.length === 1,
  )
  t.match(readFileSync(file, 'utf8'), /^To: maria@example\.com\r$/m)
  await eventually('the log', () => idp.logged().includes(file))
  t.notMatch(idp.logged(), /maria|sesame/)
  t.same(counted(idp), { sent: 1, failed: 0, given_up: 0 })
  t.same(await failures(idp), [])
})

t.test('a mail that the server refuses for now is tried again', async (t) => {
  const { server, idp } = await startWithServer(t, {
    onMail: (received) => (received === 1 ? { code: 451, text: '4.7.1 try again, maria@example.com' } : undefined),
  })
  await send(idp)
  await eventually('the first attempt', () => counted(idp)['failed'] === 1)
  const [job] = await eventually(
    'the job to be given back',
    () => queued(idp),
    ([job]) => job?.locked_by === null,
  )
  t.match(job, { attempts: 1, max_attempts: 14, last_error: /451 4\.7\.1 try again/ })
  t.notMatch(`${job?.last_error}${idp.logged()}`, /maria/)
  await hurry(idp)
  await emptyQueue(idp)
  t.equal(server.mails.length, 1)
  t.same(counted(idp), { sent: 1, failed: 1, given_up: 0 })
  t.same(await failures(idp), [])
})

t.test('each attempt has the same Message-ID', async (t) => {
  const seen: string[] = []
  const server = await startBrokenMailServer(t, (line) => {
    if (/^message-id:/i.test(line)) seen.push(line)
    if (/^EHLO/.test(line)) return '250 mail.example.com'
    if (/^(?:MAIL|RCPT)/.test(line)) return '250 ok'
    // The mail may have been accepted, but nobody learns of it.
    return line === 'DATA' ? '354 go on' : line === '.' ? 'hang up' : undefined
  })
  const idp = await startSignet(t, smtpSettings(server.port))
  await send(idp)
  for (const attempts of [1, 2]) {
    await eventually(`attempt ${attempts}`, () => counted(idp)['failed'] === attempts)
    await eventually('the job to be given back', async () => (await queued(idp))[0]?.locked_by === null)
    await hurry(idp)
  }
  t.match(seen[0], /<[0-9a-f-]{36}@example\.com>/)
  t.equal(new Set(seen).size, 1)
})

t.test('a mail that the server refuses for good is given up at once, which is an event', async (t) => {
  const { server, idp } = await startWithServer(t, {
    onRecipient: (address) => (/maria/.test(address) ? { code: 550, text: `5.1.1 <${address}>: unknown` } : undefined),
  })
  await send(idp)
  await emptyQueue(idp)
  t.match(await failures(idp), [{ sub: 'maria', detail: { by: 'schedule', kind: 'recovery', reason: 'address' } }])
  t.same(server.mails, [])
  t.same(counted(idp), { sent: 0, failed: 0, given_up: 1 })
  t.match(idp.logged(), /550 5\.1\.1/)
  t.notMatch(idp.logged() + JSON.stringify(await failures(idp)), /maria@|sesame/)
})

t.test('the last failed attempt is an event, and so is a node that was killed during it', async (t) => {
  const server = await startBrokenMailServer(t, () => undefined, '421 not now')
  const idp = await startSignet(t, smtpSettings(server.port))
  const { database } = idp.signet
  const exhaust = (attempts: number) =>
    inTransaction(database, async (tx) => {
      await queueMail(tx, idp.signet, toMaria(idp))
      await tx.query({ text: `UPDATE ${jobs}._private_jobs SET attempts = ${attempts}` })
    })
  await exhaust(11)
  await eventually('the attempt before the last one', () => counted(idp)['failed'] === 1)
  await eventually('the job to be given back', async () => (await queued(idp))[0]?.locked_by === null)
  t.same(await failures(idp), [])
  await hurry(idp)
  await emptyQueue(idp)
  const opened = server.opened()
  t.equal(opened, 2)
  await exhaust(13)
  await emptyQueue(idp)
  t.equal(server.opened(), opened, 'it is not tried once more')
  t.same(
    (await failures(idp)).map(({ sub, detail }) => [sub, detail['reason']]),
    [
      ['maria', 'unreachable'],
      ['maria', 'interrupted'],
    ],
  )
})

t.test('a mail whose link has expired is not sent', async (t) => {
  const { server, idp } = await startWithServer(t)
  await send(idp, { goodUntil: Date.now() - 1 })
  await emptyQueue(idp)
  await send(idp, { goodUntil: Date.now() + 3_600_000 })
  await emptyQueue(idp)
  t.match(await failures(idp), [{ sub: 'maria', detail: { reason: 'expired' } }])
  t.equal(server.mails.length, 1)
})

t.test('a mail that cannot be opened is an event, and no other job waits for it', async (t) => {
  const { server, idp } = await startWithServer(t)
  for (const payload of [{ sealed: 'AAEAAAA' }, { sealed: '' }, {}, null])
    await inTransaction(idp.signet.database, (tx) => addJob(tx, 'send_mail', payload))
  await send(idp)
  await emptyQueue(idp)
  t.same(
    (await failures(idp)).map(({ detail }) => detail['reason']),
    ['unreadable', 'unreadable', 'unreadable', 'unreadable'],
  )
  t.equal(server.mails.length, 1)
})

t.test('nodes of the previous release leave the mails of this one, and this one sends theirs', async (t) => {
  const { server, idp } = await startWithServer(t)
  await inTransaction(idp.signet.database, async (tx) => {
    await queueMail(tx, idp.signet, toMaria(idp))
    const { rows } = await tx.query<{ task: string; payload: unknown }>({
      text: `SELECT tasks.identifier AS task, payload FROM ${jobs}._private_jobs JOIN ${jobs}._private_tasks AS tasks ON tasks.id = task_id`,
    })
    // The previous release takes `send_mail` only.
    t.match(rows, [{ task: 'deliver_mail' }])
    await addJob(tx, 'send_mail', rows[0]?.payload)
  })
  await emptyQueue(idp)
  t.equal(server.mails.length, 2)
})

t.test('a mail that somebody waits for goes before invitations and notices', async (t) => {
  const { server, idp } = await startWithServer(t)
  const at = Date.now()
  await inTransaction(idp.signet.database, async (tx) => {
    const link = `${idp.issuer}/sign-up?invitation=sesame`
    const others = [
      { kind: 'invitation', link, name: undefined, days: 7 },
      { kind: 'password-changed', by: 'person', at },
    ] as const
    for (let number = 0; number < 4; number++)
      for (const mail of others) await queueMail(tx, idp.signet, { ...toMaria(idp), to: 'other@example.com', mail })
    for (let number = 0; number < 4; number++) await queueMail(tx, idp.signet, toMaria(idp))
  })
  await emptyQueue(idp)
  const order = server.mails.flatMap(({ to }) => to)
  t.equal(order.length, 12)
  // Four are sent at a time, so one of the others can overtake the last of these.
  t.ok(order.lastIndexOf('maria@example.com') < 8, order.join(' '))
})

t.test('two nodes send each mail once', async (t) => {
  const { server, idp } = await startWithServer(t)
  await idp.another()
  const addresses = Array.from({ length: 30 }, (_, index) => `person${index}@example.com`)
  await Promise.all(addresses.map((to) => send(idp, { to })))
  await emptyQueue(idp)
  t.same(server.mails.flatMap(({ to }) => to).sort(), addresses.sort())
})

t.test('another node sends what a killed one was sending', async (t) => {
  const { server, idp } = await startWithServer(t)
  await inTransaction(idp.signet.database, async (tx) => {
    await queueMail(tx, idp.signet, toMaria(idp))
    await queueMail(tx, idp.signet, { ...toMaria(idp), to: 'later@example.com' })
    const locked = `UPDATE ${jobs}._private_jobs SET attempts = 1, locked_by = $1, locked_at = now() - $2::interval WHERE id = $3`
    const { rows } = await tx.query<{ id: number }>({ text: `SELECT id FROM ${jobs}.jobs ORDER BY id` })
    await tx.query({ text: locked, values: ['killed', '6 minutes', rows[0]?.id] })
    await tx.query({ text: locked, values: ['working', '4 minutes', rows[1]?.id] })
  })
  await idp.another()
  await eventually('the mail', () => server.mails.length === 1)
  t.same(server.mails[0]?.to, ['maria@example.com'])
  t.match(
    await eventually(
      'one job',
      () => queued(idp),
      ({ length }) => length === 1,
    ),
    [{ locked_by: 'working' }],
  )
})

t.test('a mail server that hangs delays no request, and a node that stops gives its mails back', async (t) => {
  const server = await startBrokenMailServer(t, () => undefined)
  const idp = await startSignet(t, smtpSettings(server.port))
  const client = await idp.client({ grant_types: ['client_credentials'], scope: '' })
  const addresses = Array.from({ length: 10 }, (_, index) => `person${index}@example.com`)
  for (const to of addresses) await send(idp, { to })
  await eventually('all workers to be busy', () => server.opened() === 4)
  const { database } = idp.signet
  await eventually('all connections to be free', () => database.totalCount === database.idleCount)
  t.equal((await idp.token(client, { grant_type: 'client_credentials' })).status, 200)
  await idp.stop()
  t.equal(server.opened(), 4, 'no other mail was begun')

  const working = await startMailServer(t)
  const next = await idp.another(smtpSettings(working.port))
  const given = (await queued(next)).filter(({ last_error: error }) => error !== null)
  t.same(
    given.map(({ attempts }) => attempts),
    [1, 1, 1, 1],
  )
  await hurry(next)
  await emptyQueue(next)
  t.same(working.mails.flatMap(({ to }) => to).sort(), addresses)
})

t.test('jobs go on after the connections to the database were cut', async (t) => {
  let release: (() => void) | undefined
  const server = await startBrokenMailServer(t, (line) => {
    if (/^EHLO/.test(line)) return '250 mail.example.com'
    if (/^(?:MAIL|RCPT)/.test(line)) return '250 ok'
    if (line === 'DATA') return '354 go on'
    if (line === '.') {
      release?.()
      return '250 accepted'
    }
    return undefined
  })
  const idp = await startSignet(t, smtpSettings(server.port))
  const cut = new Promise<void>((resolve) => {
    release = () => {
      idp.signet.database
        .query({ text: `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()` })
        .catch(() => {})
        .then(() => resolve())
    }
  })
  await send(idp)
  await cut
  release = undefined
  await emptyQueue(idp)
  await send(idp)
  await emptyQueue(idp)
  t.equal(server.lines.filter((line) => line === '.').length, 2)
})
