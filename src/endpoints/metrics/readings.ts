import { isPublished } from '../../key-ring/schedule.ts'
import { packageVersion } from '../../platform/config/installation-folder.ts'
import { signingAlgorithms } from '../../platform/jwt/algorithms.ts'
import type { GaugeName, Readings, Sample } from '../../platform/metrics.ts'
import type { Signet } from '../../signet.ts'

const states = ['standby', 'active', 'retiring'] as const

/** Values that are read at each scrape instead of being counted. None of them queries the database: metrics matter most while it is unavailable. */
export function readings(signet: Signet): Readings<GaugeName> {
  const { database, databaseProblem, keyRing, settings, waitingJobs, waitingNotices } = signet
  const version = packageVersion()
  return {
    signet_jobs_waiting: () => known(waitingJobs()),
    signet_logout_tokens_waiting: () => known(waitingNotices()),
    signet_database_connections: () => [
      { labels: { state: 'busy' }, value: database.totalCount - database.idleCount },
      { labels: { state: 'idle' }, value: database.idleCount },
    ],
    signet_database_connections_limit: () => one(database.limit),
    signet_database_waiting: () => one(database.waitingCount),
    signet_database_writable: () => one(databaseProblem() === undefined ? 1 : 0),
    signet_signing_ready: () => one(keyRing.isReady() ? 1 : 0),
    signet_signing_keys: () =>
      signingAlgorithms.flatMap((alg) =>
        states.map((state) => ({
          labels: { alg, state },
          value: publishedKeys(signet).filter(({ labels }) => labels.alg === alg && labels.state === state).length,
        })),
      ),
    signet_signing_key_published_timestamp_seconds: () =>
      publishedKeys(signet).map(({ labels, key }) => ({ labels, value: key.publishedAt / 1000 })),
    signet_signing_key_activation_timestamp_seconds: () =>
      publishedKeys(signet).map(({ labels, key }) => ({ labels, value: key.activatesAt / 1000 })),
    signet_signing_key_rotation_period_seconds: () => one(settings.keyRotationPeriod),
    signet_build_info: () => [{ labels: { version }, value: 1 }],
  }
}

const known = (value: number | undefined): Sample[] => (value === undefined ? [] : [{ labels: {}, value }])
const one = (value: number): Sample[] => [{ labels: {}, value }]

/** The keys in the JWK Set. Other keys in the database are not disclosed. */
function publishedKeys({ keyRing }: Signet) {
  return [...keyRing.keys()]
    .filter(([, state]) => isPublished(state))
    .map(([key, state]) => ({ key, labels: { kid: key.kid, alg: key.alg, state } }))
}
