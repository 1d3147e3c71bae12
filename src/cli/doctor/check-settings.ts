import type { Settings } from '../../platform/config/settings.ts'
import { isLoopbackHost } from '../../platform/network-address.ts'
import { offersPasskeys } from '../../records/accounts/factors.ts'
import { bad, type Finding, good, warning } from './finding.ts'

const hour = 3600

interface Risk {
  readonly when: boolean
  readonly finding: string
  readonly advice: string
}

/** Settings that are allowed, but dangerous or risky. */
export function judgeSettings(
  settings: Settings,
  environment: Readonly<Record<string, string | undefined>>,
): readonly Finding[] {
  const dangers = dangersOf(settings).filter(({ when }) => when)
  const risks = risksOf(settings, environment).filter(({ when }) => when)
  if (dangers.length + risks.length === 0)
    return [good('settings', `They are valid; the issuer is ${settings.issuer}.`)]
  return [
    ...dangers.map(({ finding, advice }) => bad('settings', finding, advice)),
    ...risks.map(({ finding, advice }) => warning('settings', finding, advice)),
  ]
}

function dangersOf(settings: Settings): Risk[] {
  const { trustProxy, allowPrivateNetworks } = settings
  const networks = allowPrivateNetworks.filter(isNetwork)
  const strangers = howStrangersBring(settings)
  return [
    {
      when: strangers !== undefined && networks.length > 0,
      finding: `${strangers?.setting}, and SIGNET_ALLOW_PRIVATE_NETWORKS opens a network (${networks.join(', ')}): anybody can bring a client whose addresses make Signet send requests there.`,
      advice: `${strangers?.advice}, or name single hosts with their port, such as keys.internal.example:8443.`,
    },
    {
      when: allowPrivateNetworks.some((entry) => entry.endsWith('/1')),
      finding: `SIGNET_ALLOW_PRIVATE_NETWORKS (${networks.join(', ')}) lets the metadata of clients lead Signet to half of all addresses, those of its own network included.`,
      advice: 'Name single hosts with their port, such as keys.internal.example:8443.',
    },
    {
      when: trustProxy.some((range) => range.endsWith('/1')),
      finding: `SIGNET_TRUST_PROXY (${trustProxy.join(', ')}) trusts half the internet to name the caller's address.`,
      advice: 'List only the addresses of your proxies. Otherwise limits on guessing passwords can be bypassed.',
    },
  ]
}

/** Whether an entry of SIGNET_ALLOW_PRIVATE_NETWORKS is for more than one host: a range of addresses, or the name of one. */
function isNetwork(entry: string): boolean {
  return entry.includes('/') || ['loopback', 'linklocal', 'uniquelocal'].includes(entry)
}

/** How anybody can bring a client whose metadata names addresses; undefined if nobody can. */
function howStrangersBring({ registration, clientIdMetadataHosts }: Settings) {
  if (registration === 'open')
    return { setting: 'SIGNET_REGISTRATION is open', advice: 'Set SIGNET_REGISTRATION to token' }
  if (clientIdMetadataHosts.includes('*'))
    return {
      setting: 'SIGNET_CLIENT_ID_METADATA_HOSTS is *',
      advice: 'Name the hosts in SIGNET_CLIENT_ID_METADATA_HOSTS whose applications you want',
    }
  return undefined
}

function risksOf(settings: Settings, environment: Readonly<Record<string, string | undefined>>): Risk[] {
  const strangers = howStrangersBring(settings)
  const { hostname } = new URL(settings.issuer)
  const isPublic = !isLoopbackHost(hostname)
  const openedHosts = settings.allowPrivateNetworks.filter((entry) => !isNetwork(entry))
  const listensToAll = !isLoopbackHost(settings.host.includes(':') ? `[${settings.host}]` : settings.host)
  return [
    {
      when: settings.verifierCache < 12 * hour,
      finding: 'SIGNET_VERIFIER_CACHE is shorter than 12h, the time that services on .NET cache a JWK Set.',
      advice:
        'Set it to 24h, unless you know every verifier. Otherwise a new key may sign before all verifiers have seen it.',
    },
    {
      when: settings.clockSkew === 0,
      finding: 'SIGNET_CLOCK_SKEW is 0, but clocks always differ.',
      advice: 'Set it to 60s.',
    },
    {
      when: settings.jwksMaxAge === 0,
      finding: 'SIGNET_JWKS_MAX_AGE is 0: proxies and verifiers fetch the JWK Set for every token.',
      advice: 'Set it to 5m.',
    },
    {
      when: settings.accessTokenTtl > hour,
      finding: 'SIGNET_ACCESS_TOKEN_TTL is longer than 1h: services accept a stolen access token for that long.',
      advice: 'Set it to 15m; applications get new ones with refresh tokens.',
    },
    {
      when: settings.refreshGrace > 60,
      finding: 'SIGNET_REFRESH_GRACE is longer than 60s: within it, a stolen refresh token looks like a second tab.',
      advice: 'Set it to 10s; retries after a lost response work with any value.',
    },
    {
      when: settings.passwordMinLength < 15,
      finding: `SIGNET_PASSWORD_MIN_LENGTH is ${settings.passwordMinLength}, and a password is the only factor.`,
      advice: 'Set it to 15 (NIST SP 800-63B-4); existing passwords stay valid.',
    },
    {
      when: !offersPasskeys(settings),
      finding: `The issuer ${settings.issuer} has an IP address instead of a host name, so nobody can use passkeys.`,
      advice: 'Set SIGNET_ISSUER to a URL with a host name: passkeys belong to one. On this machine, use localhost.',
    },
    {
      when: settings.masterKeyPrevious !== undefined,
      finding: 'SIGNET_MASTER_KEY_PREVIOUS is still set.',
      advice: 'Remove it once everything is sealed with the new key: the old one opens old backups.',
    },
    {
      when: listensToAll && !settings.tls && settings.trustProxy.length === 0,
      finding: `SIGNET_HOST is ${settings.host}, without TLS and without a proxy in SIGNET_TRUST_PROXY: traffic can be read on the network.`,
      advice:
        'Set SIGNET_TRUST_PROXY to the proxy that terminates TLS, or set SIGNET_TLS_CERT and SIGNET_TLS_KEY, or set SIGNET_HOST to 127.0.0.1.',
    },
    {
      when: isPublic && ['debug', 'trace'].includes(settings.logLevel),
      finding: `SIGNET_LOG_LEVEL is ${settings.logLevel} on a public issuer.`,
      advice: 'Set it to info: the log grows fast, and says more about users than necessary.',
    },
    {
      when: isPublic && ['silent', 'fatal'].includes(settings.logLevel),
      finding: `SIGNET_LOG_LEVEL is ${settings.logLevel}: problems are not logged.`,
      advice: 'Set it to info or warn.',
    },
    {
      when: isPublic && settings.databaseUrl === undefined,
      finding: 'A public issuer uses the embedded PostgreSQL, which runs on one machine only and has no backups.',
      advice: 'Set SIGNET_DATABASE_URL to your own PostgreSQL, or back up the data directory.',
    },
    {
      when: strangers !== undefined && openedHosts.length > 0,
      finding: `${strangers?.setting}, and SIGNET_ALLOW_PRIVATE_NETWORKS names hosts (${openedHosts.join(', ')}): anybody can bring a client that makes Signet send requests to them.`,
      advice: `${strangers?.advice}, unless these hosts may receive requests from strangers.`,
    },
    {
      when: environment['NODE_TLS_REJECT_UNAUTHORIZED'] === '0',
      finding: `NODE_TLS_REJECT_UNAUTHORIZED is 0: no certificate is checked, not even the database's.`,
      advice: 'Remove it; if you have your own certificate authority, add it to NODE_EXTRA_CA_CERTS.',
    },
  ]
}
