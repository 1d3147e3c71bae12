import type { Probed } from '../../platform/database/pooler.ts'
import { type Finding, good, warning } from './finding.ts'

/** What is between Signet and PostgreSQL. A pooler that Signet cannot work through is not judged here: the probe refuses it. */
export function judgePooler({ route, advice }: Probed): Finding {
  const [first] = advice
  if (first) return warning('database-pooler', first.finding, first.advice)
  if (!route.hasPooler) return good('database-pooler', 'There is no connection pooler in between.')
  if (route.session === 'own')
    return good(
      'database-pooler',
      'A connection pooler in session mode: each connection of Signet takes one of its own.',
    )
  return good(
    'database-pooler',
    'A connection pooler in transaction mode, and the role is set up for it. PostgreSQL cannot notify nodes through it, ' +
      'so they read clients for each request, and keys three times within SIGNET_KEY_LEASE.',
  )
}
