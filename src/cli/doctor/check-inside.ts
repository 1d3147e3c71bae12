import { loadRing } from '../../key-ring/key-ring-store.ts'
import { isPublished, keyStates } from '../../key-ring/schedule.ts'
import type { KeyRecord } from '../../key-ring/signing-keys-store.ts'
import type { Settings } from '../../platform/config/settings.ts'
import { readIssuerOnRecord } from '../../platform/database/installation-store.ts'
import { PoolerError } from '../../platform/database/pooler.ts'
import { judgeClock } from './check-clock.ts'
import { checkMigrations, judgeDatabase, judgeIssuer, judgePooler } from './check-database.ts'
import { checkSealed } from './check-sealed.ts'
import { judgeSigningKeys } from './check-signing-keys.ts'
import { readDatabaseClock, readDatabaseFacts } from './doctor-store.ts'
import { bad, completed, type Finding } from './finding.ts'
import type { OpenedDatabase } from './open-database.ts'
import { reasonOf } from './reason.ts'

/** The results of the checks of the database and its contents. */
export interface Inside {
  readonly findings: readonly Finding[]
  /** The keys that should be published; undefined if they could not be read. */
  readonly published: readonly KeyRecord[] | undefined
}

/**
 * Checks the database, its contents, and the keys.
 *
 * @param now this machine's clock, in milliseconds since 1970
 */
export async function checkInside(
  { database, connection, probed, isPrivate }: OpenedDatabase,
  settings: Settings,
  now: () => number,
): Promise<Inside> {
  const schema = settings.databaseSchema
  const findings: Finding[] = [judgePooler(probed)]
  const incomplete = (why: string) => ({
    findings: completed(findings, why, ['Database', 'Keys']),
    published: undefined,
  })
  try {
    const facts = await readDatabaseFacts(database, schema)
    const sentAt = now()
    const otherClock = await readDatabaseClock(database)
    const reading = { sentAt, receivedAt: now(), otherClock }
    findings.push(...judgeDatabase(facts, settings, { route: probed.route, isPrivate }))
    findings.push(judgeClock('database-clock', "The database's clock", reading, settings.clockSkew))
    if (!facts.hasTables) return incomplete('No server has been started yet.')
    findings.push(await checkMigrations(connection, schema))
    findings.push(judgeIssuer(await readIssuerOnRecord(database), settings))
    const { keys, now: databaseNow } = await loadRing(database)
    findings.push(...judgeSigningKeys(keys, databaseNow, settings))
    findings.push(...(await checkSealed(database, settings, keys, databaseNow)))
    const states = keyStates(keys, databaseNow)
    return { findings, published: keys.filter((key) => isPublished(states.get(key) ?? 'retired')) }
  } catch (error) {
    if (findings.some(({ check, status }) => check === 'migrations' && status !== 'good'))
      return incomplete('The schema is not the one of this release.')
    findings.push(unusable(error))
    return incomplete('The database could not be queried.')
  }
}

/** The finding for a database that cannot be opened, or does not respond. */
export function unusable(error: unknown): Finding {
  if (error instanceof PoolerError) return bad('database-pooler', error.finding, error.advice)
  return bad(
    'database',
    `It cannot be used: ${reasonOf(error)}.`,
    'Check that it is running, and that SIGNET_DATABASE_URL points to it with the right user and password.',
  )
}
