import type { Settings } from '../../platform/config/settings.ts'
import { isLoopbackHost } from '../../platform/network-address.ts'
import { bad, type Finding, good, warning } from './finding.ts'

const hour = 3600

interface Risk {
  readonly when: boolean
  readonly finding: string
  readonly advice: string
}

/** Settings that nothing refuses, and that bite some day. */
export function judgeSettings(
  settings: Settings,
  environment: Readonly<Record<string, string | undefined>>,
): readonly Finding[] {
  const dangers = dangersOf(settings).filter(({ when }) => when)
  const risks = risksOf(settings, environment).filter(({ when }) => when)
  if (dangers.length + risks.length === 0) return [good('settings', `Read; the issuer is ${settings.issuer}.`)]
  return [
    ...dangers.map(({ finding, advice }) => bad('settings', finding, advice)),
    ...risks.map(({ finding, advice }) => warning('settings', finding, advice)),
  ]
}

function dangersOf({ trustProxy }: Settings): Risk[] {
  return [
    {
      when: trustProxy.some((range) => range.endsWith('/1')),
      finding: `SIGNET_TRUST_PROXY (${trustProxy.join(', ')}) believes half the internet about who is calling.`,
      advice:
        'Name the addresses of your proxies and no others: else limits on guessing passwords can be walked around.',
    },
  ]
}

function risksOf(settings: Settings, environment: Readonly<Record<string, string | undefined>>): Risk[] {
  const { hostname } = new URL(settings.issuer)
  const isPublic = !isLoopbackHost(hostname)
  const listensToAll = !isLoopbackHost(settings.host.includes(':') ? `[${settings.host}]` : settings.host)
  return [
    {
      when: settings.verifierCache < 12 * hour,
      finding: 'SIGNET_VERIFIER_CACHE is shorter than 12h, for which services on .NET keep a JWK Set.',
      advice: 'Set it to 24h, unless you know every verifier: a new key would sign before some of them have seen it.',
    },
    {
      when: settings.clockSkew === 0,
      finding: 'SIGNET_CLOCK_SKEW is 0: clocks are always apart.',
      advice: 'Set it to 60s.',
    },
    {
      when: settings.jwksMaxAge === 0,
      finding: 'SIGNET_JWKS_MAX_AGE is 0: proxies and verifiers fetch the JWK Set for every token that they check.',
      advice: 'Set it to 5m.',
    },
    {
      when: settings.accessTokenTtl > hour,
      finding: 'SIGNET_ACCESS_TOKEN_TTL is longer than 1h: for so long a service goes on taking a stolen access token.',
      advice: 'Set it to 15m; refreshing is what refresh tokens are for.',
    },
    {
      when: settings.refreshGrace > 60,
      finding:
        'SIGNET_REFRESH_GRACE is longer than 60s: within it a stolen refresh token is not told from a second tab.',
      advice: 'Set it to 10s; a lost response is forgiven whatever the grace.',
    },
    {
      when: settings.passwordMinLength < 12,
      finding: `SIGNET_PASSWORD_MIN_LENGTH is ${settings.passwordMinLength}.`,
      advice: 'Set it to 12 or, where a password is the only factor, 15 (NIST SP 800-63B-4).',
    },
    {
      when: settings.masterKeyPrevious !== undefined,
      finding: 'SIGNET_MASTER_KEY_PREVIOUS is still set.',
      advice:
        'Take it away once everything is sealed under the new key: who finds the old one can open old backups with it.',
    },
    {
      when: listensToAll && !settings.tls && settings.trustProxy.length === 0,
      finding: `SIGNET_HOST is ${settings.host}, without TLS and without a proxy in SIGNET_TRUST_PROXY: the network reads along.`,
      advice:
        'Set SIGNET_TRUST_PROXY to the proxy that ends TLS, or SIGNET_TLS_CERT and SIGNET_TLS_KEY, or SIGNET_HOST back to 127.0.0.1.',
    },
    {
      when: isPublic && ['debug', 'trace'].includes(settings.logLevel),
      finding: `SIGNET_LOG_LEVEL is ${settings.logLevel} on a public issuer.`,
      advice: 'Set it to info: the log grows fast, and says more about people than it has to.',
    },
    {
      when: isPublic && ['silent', 'fatal'].includes(settings.logLevel),
      finding: `SIGNET_LOG_LEVEL is ${settings.logLevel}: nobody will hear of what goes wrong.`,
      advice: 'Set it to info or warn.',
    },
    {
      when: isPublic && settings.databaseUrl === undefined,
      finding: 'A public issuer runs on the embedded PostgreSQL: one machine, and nobody makes backups of it.',
      advice: 'Set SIGNET_DATABASE_URL to a PostgreSQL of your own, or see to it that the data directory is backed up.',
    },
    {
      when: environment['NODE_TLS_REJECT_UNAUTHORIZED'] === '0',
      finding: `NODE_TLS_REJECT_UNAUTHORIZED is 0: no certificate is checked, the database's neither.`,
      advice: 'Take it away; name an authority of your own in NODE_EXTRA_CA_CERTS.',
    },
  ]
}
