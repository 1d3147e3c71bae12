import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import pg from 'pg'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { packageFolder } from '../../../src/platform/config/installation-folder.ts'
import { isSchemaName } from '../../../src/platform/database/hosts.ts'
import { jobQueueMigration, jobsSchemaOf, lastJobMigration } from '../../../src/platform/database/job-schema.ts'
import { migrate, pendingMigrations } from '../../../src/platform/database/migrations.ts'
import { inTransaction } from '../../../src/platform/database/queryable.ts'
import { createJobWorker, type JobTiming } from '../../../src/platform/jobs/job-worker.ts'
import { addJob, tendJobs } from '../../../src/platform/jobs/jobs-store.ts'
import type { RunTask } from '../../../src/platform/jobs/running-job.ts'
import { migratedDatabase, noLog, type TestDatabase, testDatabase, withoutPooler } from '../../database.ts'
import { once, testName, testServer } from '../../database-server.ts'
import { eventually } from '../../support/eventually.ts'

const quick: Partial<JobTiming> = {
  ...{ pollIfNotified: 50, pollOtherwise: 50, betweenTending: 100, afterFailure: 100 },
  ...{ graceBeforeAbort: 50, graceAfterAbort: 60_000 },
}

/** A worker on this database; it is stopped when `t` ends. */
function startWorker(
  t: Test,
  { schema, openPool }: Pick<TestDatabase, 'schema' | 'openPool'>,
  tasks: Readonly<Record<string, RunTask>>,
) {
  const database = openPool()
  const lines: string[] = []
  const log = pino({ level: 'trace' }, { write: (line) => lines.push(line) })
  const worker = createJobWorker({
    ...{ database, schema, tasks, log, isNotified: false, timing: quick },
    ...{ tend: tendJobs, consequence: 'no mail is sent' },
  })
  t.teardown(() => worker.stop())
  worker.run()
  return { worker, database, lines }
}

t.test('the schema of the jobs', async (t) => {
  t.test('has a name of its own for each schema, however long, and SQL computes the same one', async (t) => {
    const { openPool } = await migratedDatabase(t)
    const db = openPool({ max: 1 })
    const source = `SELECT pg_get_functiondef('jobs_schema'::regproc) AS source`
    const { rows } = await db.query<{ source: string }>(source)
    const body = /\$function\$([\s\S]*)\$function\$/.exec(rows[0]!.source)?.[1]?.replace('current_schema()', '$1')
    const names = [1, 40, 57, 58, 59, 60, 63].flatMap((length) => ['a'.repeat(length), `${'a'.repeat(length - 1)}b`])
    const found = new Set<string>()
    for (const name of names) {
      const { rows } = await db.query<{ name: string }>({ text: `SELECT (${body}) AS name`, values: [name] })
      t.equal(rows[0]?.name, jobsSchemaOf(name), name)
      t.ok(isSchemaName(jobsSchemaOf(name)), jobsSchemaOf(name))
      found.add(jobsSchemaOf(name))
    }
    t.equal(found.size, names.length)
  })

  t.test('is installed once by any number of nodes that start together, and is then only read', async (t) => {
    const { connection, schema } = await testDatabase(t)
    const results = await Promise.all([1, 2, 3, 4].map(() => migrate({ connection, schema, log: noLog })))
    t.equal(results.filter(({ applied }) => applied.includes(jobQueueMigration)).length, 1)
    t.same(await pendingMigrations({ connection, schema }), [])
    t.match(await migrate({ connection, schema, log: noLog }), { applied: [] })
  })

  t.test('is pending when everything else is there, for example after a node was killed in between', async (t) => {
    const { connection, schema } = await testDatabase(t)
    await migrate({ connection, schema, log: noLog })
    await once(connection, `DROP SCHEMA ${jobsSchemaOf(schema)} CASCADE`)
    t.same(await pendingMigrations({ connection, schema }), [jobQueueMigration])
    t.same((await migrate({ connection, schema, log: noLog })).applied, [jobQueueMigration])
  })

  t.test('has the last migration of the package', async (t) => {
    const folder = join(dirname(createRequire(import.meta.url).resolve('graphile-worker')), '../sql')
    const numbers = readdirSync(folder).map((file) => Number.parseInt(file, 10))
    t.equal(Math.max(...numbers), lastJobMigration)
  })

  t.test('of a later release stops the start if this release cannot work with it', async (t) => {
    const { connection, schema } = await testDatabase(t)
    await migrate({ connection, schema, log: noLog })
    const migrations = `${jobsSchemaOf(schema)}.migrations`
    await once(connection, `INSERT INTO ${migrations} (id, breaking) VALUES (${lastJobMigration + 1}, false)`)
    t.match(await migrate({ connection, schema, log: noLog }), { applied: [] })
    await once(connection, `UPDATE ${migrations} SET breaking = true WHERE id > ${lastJobMigration}`)
    await t.rejects(migrate({ connection, schema, log: noLog }), { name: 'MigrationError', message: /later release/ })
  })

  withoutPooler(t, 'does not stop the workers of other programs in this database', async (t) => {
    const { connection, schema } = await testDatabase(t)
    const listener = new pg.Client('connectionString' in connection ? connection : { ...connection, ssl: false })
    await listener.connect()
    t.teardown(() => listener.end())
    const heard: string[] = []
    listener.on('notification', ({ channel, payload }) => heard.push(`${channel} ${payload}`))
    await listener.query('LISTEN "worker:migrate"; LISTEN done')
    await migrate({ connection, schema, log: noLog })
    await once(connection, `SELECT pg_notify('done', '${schema}')`)
    await eventually('the last notification', () => heard.includes(`done ${schema}`))
    t.same(
      heard.filter((line) => line.startsWith('worker')),
      [],
    )
  })
})

t.test('a job is tried again after a failure, and what its task throws is logged without its payload', async (t) => {
  const place = await migratedDatabase(t)
  const seen: { payload: unknown; attempt: number; isLast: boolean }[] = []
  const { database, lines } = startWorker(t, place, {
    fragile: async (payload, { attempt, isLast, isOver }) => {
      t.equal(isOver, false)
      seen.push({ payload, attempt, isLast })
      if (attempt === 1) throw new Error('it broke')
    },
  })
  await inTransaction(database, (tx) => addJob(tx, 'fragile', { secret: 'sesame' }, { attempts: 2 }))
  await eventually('the first attempt', () => seen.length === 1)
  await eventually('the second attempt', async () => {
    await database.query({
      text: `UPDATE ${jobsSchemaOf(place.schema)}._private_jobs SET run_at = now() WHERE locked_at IS NULL`,
    })
    return seen.length === 2
  })
  t.same(seen, [
    { payload: { secret: 'sesame' }, attempt: 1, isLast: false },
    { payload: { secret: 'sesame' }, attempt: 2, isLast: true },
  ])
  t.match(
    lines.find((line) => line.includes('A job has failed')),
    /"task":"fragile","attempt":1/,
  )
  t.notMatch(lines.join(''), /sesame/)
})

t.test('a job with a key replaces the waiting one, and one of the future waits', async (t) => {
  const place = await migratedDatabase(t)
  const db = place.openPool()
  await addJob(db, 'note', 1, { key: 'same', runAt: new Date(Date.now() + 3_600_000) })
  await addJob(db, 'note', 2, { key: 'same' })
  await addJob(db, 'note', 3, { runAt: new Date(Date.now() + 3_600_000) })
  const seen: unknown[] = []
  const { worker } = startWorker(t, place, { note: async (payload) => void seen.push(payload) })
  await eventually('the queue to be counted', () => worker.waiting() === 1)
  t.same(seen, [2])
})

t.test('a burst of jobs occupies the whole worker, and a single job makes few searches', async (t) => {
  const place = await migratedDatabase(t)
  const database = place.openPool()
  const searches: (string | undefined)[] = []
  const watched = Object.create(database, {
    query: {
      value: (statement: { readonly text: string; readonly name?: string }, values?: unknown[]) => {
        if (statement.text.includes('skip locked')) searches.push(statement.name)
        return database.query(statement as never, values)
      },
    },
  }) as typeof database
  const concurrency = 16
  let begun = 0
  let finish = () => {}
  const enough = new Promise<void>((resolve) => {
    finish = resolve
  })
  const tasks: Record<string, RunTask> = {
    single: async () => {
      begun += 1
    },
    // None of them ends before all have begun.
    burst: async () => {
      begun += 1
      if (begun === concurrency) finish()
      await enough
    },
  }
  const worker = createJobWorker({
    ...{
      database: watched,
      schema: place.schema,
      tasks,
      log: pino({ level: 'silent' }),
      isNotified: true,
      concurrency,
    },
    // It does not poll during this test.
    ...{ timing: { ...quick, pollIfNotified: 3_600_000 }, tend: tendJobs, consequence: 'no mail is sent' },
  })
  t.teardown(() => worker.stop())
  worker.run()
  await eventually('the first search of each runner', () => searches.length >= concurrency)
  searches.length = 0
  await addJob(database, 'single', {})
  await eventually('the single job', () => {
    worker.wake()
    return begun === 1
  })
  await eventually('the queue to be empty', async () => {
    const { rows } = await database.query({ text: `SELECT FROM ${jobsSchemaOf(place.schema)}.jobs` })
    return rows.length === 0
  })
  t.ok(searches.length < concurrency, `${searches.length} searches`)
  // A named statement would keep the plan that it got while the queue was empty.
  t.ok(searches.every((name) => name === undefined))

  begun = 0
  await inTransaction(database, async (tx) => {
    for (let n = 0; n < concurrency; n++) await addJob(tx, 'burst', {})
  })
  worker.wake()
  await enough
  t.equal(begun, concurrency)
})

t.test('a worker that stops lets short jobs finish, and aborts long ones', async (t) => {
  const place = await migratedDatabase(t)
  let begun = 0
  const { worker, database } = startWorker(t, place, {
    long: async (_payload, { signal }) => {
      begun += 1
      await new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(new Error('aborted')))
      })
    },
  })
  await addJob(database, 'long', {})
  await eventually('the job to begin', () => begun === 1)
  await worker.stop()
  await worker.stop()
  const { rows } = await database.query({
    text: `SELECT attempts, locked_by, last_error FROM ${jobsSchemaOf(place.schema)}.jobs`,
  })
  t.same(rows, [{ attempts: 1, locked_by: null, last_error: 'aborted' }])
})

t.test('a worker registers no handlers of signals', async (t) => {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR2', 'SIGABRT'] as const
  const before = signals.map((signal) => process.listenerCount(signal))
  const place = await migratedDatabase(t)
  let done = false
  const { database } = startWorker(t, place, {
    note: async () => {
      done = true
    },
  })
  await addJob(database, 'note', {})
  await eventually('a job to run', () => done)
  t.same(
    signals.map((signal) => process.listenerCount(signal)),
    before,
  )
})

withoutPooler(t, 'a role that may create no schema can use those that an administrator has created', async (t) => {
  const { embedded } = await testServer()
  if (!embedded) return void t.pass('only where the tests may create roles')
  const { administrator, connection } = embedded
  const [role, schema] = [testName(), testName()]
  const allowed = `GRANT CONNECT ON DATABASE ${connection.database} TO ${role}`
  await once(administrator, `CREATE ROLE ${role} LOGIN PASSWORD 'narrow'; ${allowed}`)
  const inDatabase = { ...administrator, database: connection.database }
  t.teardown(() => once(inDatabase, `DROP OWNED BY ${role} CASCADE; DROP ROLE ${role}`))
  const narrow = { ...connection, user: role, password: 'narrow' }
  for (const name of [schema, jobsSchemaOf(schema)]) {
    await t.rejects(migrate({ connection: narrow, schema, log: noLog }), {
      ...{ name: 'MigrationError', message: new RegExp(`CREATE SCHEMA ${name} AUTHORIZATION`) },
    })
    await once(inDatabase, `CREATE SCHEMA ${name} AUTHORIZATION ${role}`)
  }
  t.same((await migrate({ connection: narrow, schema, log: noLog })).applied, [jobQueueMigration])
})

/** The statements of docs/deploy.md for a role that cannot create anything. */
function documentedGrants(role: string, schema: string): string[] {
  const text = readFileSync(join(packageFolder, 'docs/deploy.md'), 'utf8')
  const statements = text.match(/^ *(?:GRANT|ALTER DEFAULT PRIVILEGES) .* TO signet_runtime;$/gm) ?? []
  return statements.map((statement) =>
    statement.replace('signet_runtime', role).replace('signet, signet_jobs', `${schema}, ${jobsSchemaOf(schema)}`),
  )
}

withoutPooler(
  t,
  'a role that cannot create anything needs only the documented privileges, and gets by without a restart',
  async (t) => {
    const { embedded } = await testServer()
    if (!embedded) return void t.pass('only where the tests may create roles')
    const owner = await testDatabase(t)
    const { connection, schema } = owner
    await migrate({ connection, schema, log: noLog })
    const role = testName()
    await once(
      embedded.administrator,
      `CREATE ROLE ${role} LOGIN PASSWORD 'runtime'; GRANT CONNECT ON DATABASE ${embedded.connection.database} TO ${role}`,
    )
    t.teardown(async () => {
      await once(connection, `DROP OWNED BY ${role}`).catch(() => {})
      await once(embedded.administrator, `DROP OWNED BY ${role}; DROP ROLE ${role}`)
    })
    const runtime = { ...embedded.connection, user: role, password: 'runtime' }
    await t.rejects(migrate({ connection: runtime, schema, log: noLog }), { code: '42501' })
    await once(
      connection,
      `GRANT USAGE ON SCHEMA ${schema} TO ${role}; GRANT SELECT ON ALL TABLES IN SCHEMA ${schema} TO ${role}`,
    )
    await t.rejects(migrate({ connection: runtime, schema, log: noLog }), {
      ...{ name: 'MigrationError', message: /GRANT USAGE ON SCHEMA test_\w+_jobs TO/ },
    })
    const seen: unknown[] = []
    const { database, lines } = startWorker(
      t,
      { schema, openPool: (options) => owner.openPool({ ...options, connection: runtime }) },
      { note: async (payload) => void seen.push(payload) },
    )
    await eventually('the missing privilege to be logged', () => lines.some((line) => line.includes('42501')))
    const statements = documentedGrants(role, schema)
    t.equal(statements.length, 3)
    for (const statement of statements) await once(connection, statement)
    await addJob(database, 'note', 'hello')
    await eventually('the job', () => seen.length === 1)
    await eventually('the queue to be empty', async () => {
      const { rows } = await database.query({ text: `SELECT FROM ${jobsSchemaOf(schema)}.jobs` })
      return rows.length === 0
    })
    t.match(await migrate({ connection: runtime, schema, log: noLog }), { applied: [] }, 'the start only reads')
    t.ok(lines.filter((line) => line.includes('42501')).length < 5, 'it is not logged again and again')
  },
)
