import type { Settings } from '../../platform/config/settings.ts'
import { bad, type Finding, good, skipped } from './finding.ts'

/** One issuer a schema, for ever: tokens in the world name it. */
export function judgeIssuer(
  recorded: string | undefined,
  { issuer, databaseSchema }: Pick<Settings, 'issuer' | 'databaseSchema'>,
): Finding {
  if (recorded === undefined) return skipped('issuer-on-record', 'There is none yet: nothing was started.')
  return recorded === issuer
    ? good('issuer-on-record', `The database belongs to ${issuer}.`)
    : bad(
        'issuer-on-record',
        `The database belongs to ${recorded}, and SIGNET_ISSUER is ${issuer}: no start will take place.`,
        `Set SIGNET_ISSUER back, or give the other issuer a schema of its own (SIGNET_DATABASE_SCHEMA is ${databaseSchema}).`,
      )
}
