import { databaseUrlFault, isSchemaName } from '../database/hosts.ts'
import { isAddressRange } from '../network-address.ts'
import {
  duration,
  eventRetention,
  filePath,
  folderPath,
  masterKey,
  oneOf,
  parseIssuer,
  type Setting,
  wholeNumber,
} from './setting-kinds.ts'

/** Every setting Signet knows. The table in docs/settings.md is made from it. */
export const declarations = {
  SIGNET_ISSUER: {
    takes: 'scheme, host and port, without a path; https unless the host is loopback',
    default: 'http://localhost:4000',
    about: 'The issuer identifier, exactly as it stands in tokens and metadata.',
    parse: (text: string) => parseIssuer(text),
    fault: (text: string) =>
      text.endsWith('/') && parseIssuer(text.slice(0, -1)) !== undefined
        ? 'only the slash at the end is too much'
        : undefined,
  },
  SIGNET_HOST: {
    takes: 'an address or a host name',
    default: '127.0.0.1',
    about: 'The address to listen on.',
    parse: (text: string) => (/^[A-Za-z0-9.:_-]{1,255}$/.test(text) ? text : undefined),
  },
  SIGNET_PORT: wholeNumber(1, 65_535, {
    defaultInWords: 'the port of a loopback issuer, else 4000',
    about: 'The port to listen on.',
  }),
  SIGNET_TLS_CERT: filePath(
    'A PEM file with the certificate chain, to serve HTTPS directly. Goes with SIGNET_TLS_KEY.',
  ),
  SIGNET_TLS_KEY: filePath('A PEM file with the private key of SIGNET_TLS_CERT.'),
  SIGNET_TRUST_PROXY: {
    takes: '`off`, or addresses and ranges separated by commas (`loopback`, `10.0.0.0/8`)',
    default: 'off',
    about: 'The proxies whose X-Forwarded-For is believed.',
    parse: (text: string): readonly string[] | undefined => {
      if (text === 'off') return []
      const ranges = text.split(',').map((range) => range.trim())
      return ranges.every(isAddressRange) ? ranges : undefined
    },
  },
  SIGNET_DATABASE_URL: {
    takes:
      '`postgres://user:password@host:port/database`; for several hosts, `host1:port,host2:port` in place of `host:port`',
    defaultInWords: 'the embedded PostgreSQL',
    secret: true,
    about:
      'Your own PostgreSQL, 15 or later. Of several hosts the one that accepts writes is used; `target_session_attrs` can be `read-write` or `primary`.',
    parse: (text: string) => (databaseUrlFault(text) === undefined ? text : undefined),
    fault: databaseUrlFault,
  },
  SIGNET_DATABASE_SCHEMA: {
    takes: 'up to 63 lower-case letters, digits and `_`, not beginning with a digit or `pg_`',
    default: 'signet',
    about: 'The schema that holds this issuer. One issuer a schema.',
    parse: (text: string) => (isSchemaName(text) ? text : undefined),
  },
  SIGNET_DATABASE_POOL: wholeNumber(2, 200, {
    default: '10',
    about: 'Connections that one process keeps to the database at the most.',
  }),
  SIGNET_DATABASE_PREPARED_STATEMENTS: oneOf(
    ['auto', 'on', 'off'],
    'auto',
    'Whether statements are prepared by name. `auto`: yes, unless a connection pooler is in between. Behind one in transaction mode `on` needs PgBouncer 1.21 or later with `max_prepared_statements`.',
  ),
  SIGNET_DATA_DIR: folderPath('.signet', 'Where the embedded PostgreSQL keeps its data.'),
  SIGNET_KEYS_DIR: folderPath('keys', 'Where the master key file and the ledger of keys lie.'),
  SIGNET_MASTER_KEY: masterKey(
    'The key that wraps every other secret.',
    'the file `master.key` in the keys directory, made at the first start',
  ),
  SIGNET_MASTER_KEY_PREVIOUS: masterKey('The master key before this one, while secrets are being resealed.'),
  SIGNET_ACCESS_TOKEN_TTL: duration('How long an access token lives, unless its resource says otherwise.', '15m', 10),
  SIGNET_ID_TOKEN_TTL: duration('How long an ID token lives.', '1h', 10),
  SIGNET_REFRESH_TOKEN_TTL: duration('How long a refresh token lives without being used.', '30d'),
  SIGNET_REFRESH_TOKEN_MAX_TTL: duration('How long refreshing can go on after one sign-in.', '90d'),
  SIGNET_REFRESH_GRACE: duration('How long a spent refresh token still gives its successor.', '10s', 0),
  SIGNET_SESSION_TTL: duration('How long a sign-in at Signet lasts.', '30d'),
  SIGNET_SESSION_IDLE_TTL: duration('How long a sign-in at Signet lasts without being used.', '7d'),
  SIGNET_KEY_ROTATION_PERIOD: duration(
    'How long a key signs before the next one takes over by schedule. After `keys rotate` or `keys revoke` the new key also signs for what was left of the one before.',
    '90d',
  ),
  SIGNET_KEY_LEASE: duration(
    'How long a node signs without having confirmed the keys in the database.',
    '60s',
    3,
    3600,
  ),
  SIGNET_JWKS_MAX_AGE: duration('The max-age of the JWK Set.', '5m', 0),
  SIGNET_VERIFIER_CACHE: duration('The longest that any verifier keeps the JWK Set.', '24h', 0),
  SIGNET_CLOCK_SKEW: duration('How far clocks may be apart.', '60s', 0),
  SIGNET_EVENT_RETENTION: eventRetention,
  SIGNET_SHUTDOWN_DELAY: duration(
    'How long a node that was told to end goes on serving, while `/readyz` says 503: time for a proxy to send people elsewhere.',
    '0s',
    0,
    600,
  ),
  SIGNET_KEEP_ALIVE_TIMEOUT: duration(
    'How long a connection stays open between two requests. It must be longer than the time for which a proxy or load balancer in front keeps its connections to Signet. It does not hold for a new connection: the first request must come within 15 to 20 seconds.',
    '130s',
    1,
    7200,
  ),
  SIGNET_SIGN_UP: oneOf(['open', 'closed'], 'open', 'Whether people can make accounts for themselves.'),
  SIGNET_PASSWORD_MIN_LENGTH: wholeNumber(8, 128, {
    default: '12',
    about: 'The shortest password taken. NIST SP 800-63B-4 asks for 15 where a password is the only factor.',
  }),
  SIGNET_METRICS_TOKEN: {
    takes: '32 to 256 letters, digits and `-._~+/=`',
    defaultInWords: 'none: `/metrics` is for this machine alone',
    secret: true,
    about: 'The bearer token for `/metrics`, from wherever the request comes.',
    // RFC 6750 §2.1.
    parse: (text: string) => (/^(?=.{32,256}$)[A-Za-z0-9._~+/-]+=*$/.test(text) ? text : undefined),
  },
  SIGNET_LOG_LEVEL: oneOf(
    ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
    'info',
    'How much is written to the log (JSON lines on standard error).',
  ),
} as const satisfies Record<string, Setting<unknown>>

/** Names that are kept for what is not built yet. A setting that did nothing would let an operator believe that it does. */
export const futureSettings: Readonly<Record<string, string>> = {
  SIGNET_REGISTRATION: 'this release has no dynamic client registration',
  SIGNET_STATUS_LIST_TTL: 'this release has no status lists',
}

export type SettingName = keyof typeof declarations
export type Value<N extends SettingName> = Exclude<ReturnType<(typeof declarations)[N]['parse']>, undefined>
