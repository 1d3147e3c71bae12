import { databaseUrlFault, isSchemaName } from '../database/hosts.ts'
import { isAddressRange } from '../network-address.ts'
import { isAllowedEntry } from '../outgoing/allowed-targets.ts'
import { domainsFault, parseDomains, parseSender, smtpUrlFault } from './mail-settings.ts'
import {
  accentColor,
  duration,
  eventRetention,
  filePath,
  folderPath,
  installationName,
  linkTarget,
  masterKey,
  oneOf,
  parseIssuer,
  type Setting,
  wholeNumber,
  workerCount,
} from './setting-kinds.ts'

/** All settings. The table in docs/settings.md is generated from this. */
export const declarations = {
  SIGNET_ISSUER: {
    accepts: 'scheme, host and port, without a path; https unless the host is loopback',
    default: 'http://localhost:4000',
    about: 'The issuer identifier, exactly as it appears in tokens and metadata.',
    parse: (text: string) => parseIssuer(text),
    fault: (text: string) =>
      text.endsWith('/') && parseIssuer(text.slice(0, -1)) !== undefined ? 'it must not end with a slash' : undefined,
  },
  SIGNET_HOST: {
    accepts: 'an address or a host name',
    default: '127.0.0.1',
    about: 'The address to listen on.',
    parse: (text: string) => (/^[A-Za-z0-9.:_-]{1,255}$/.test(text) ? text : undefined),
  },
  SIGNET_PORT: wholeNumber(1, 65_535, {
    defaultInWords: 'the port of a loopback issuer, otherwise 4000',
    about: 'The port to listen on.',
  }),
  SIGNET_WORKERS: workerCount,
  SIGNET_TLS_CERT: filePath(
    'A PEM file with the certificate chain, to serve HTTPS directly. Requires SIGNET_TLS_KEY. Both files are read again when they change.',
  ),
  SIGNET_TLS_KEY: filePath('A PEM file with the private key of SIGNET_TLS_CERT.'),
  SIGNET_TRUST_PROXY: {
    accepts: '`off`, or addresses and ranges separated by commas (`loopback`, `10.0.0.0/8`)',
    default: 'off',
    about: 'The proxies whose X-Forwarded-For header is trusted.',
    parse: (text: string): readonly string[] | undefined => {
      if (text === 'off') return []
      const ranges = text.split(',').map((range) => range.trim())
      return ranges.every(isAddressRange) ? ranges : undefined
    },
  },
  SIGNET_DATABASE_URL: {
    accepts:
      '`postgres://user:password@host:port/database`; for several hosts, `host1:port,host2:port` in place of `host:port`',
    defaultInWords: 'the embedded PostgreSQL',
    secret: true,
    about:
      'Your own PostgreSQL, 15 or later. If there are several hosts, Signet uses the one that accepts writes; `target_session_attrs` can be `read-write` or `primary`.',
    parse: (text: string) => (databaseUrlFault(text) === undefined ? text : undefined),
    fault: databaseUrlFault,
  },
  SIGNET_DATABASE_SCHEMA: {
    accepts: 'up to 63 lower-case letters, digits and `_`, not starting with a digit or `pg_`',
    default: 'signet',
    about: 'The schema that holds this issuer. Each issuer needs its own.',
    parse: (text: string) => (isSchemaName(text) ? text : undefined),
  },
  SIGNET_DATABASE_POOL: wholeNumber(2, 400, {
    defaultInWords: '10; with more than one worker, 5 for each and 5 for the process that starts them',
    about:
      'Maximum database connections per node. With SIGNET_WORKERS greater than 1, its processes get equal shares, at least 2 each.',
  }),
  SIGNET_DATABASE_PREPARED_STATEMENTS: oneOf(
    ['auto', 'on', 'off'],
    'auto',
    'Whether to use named prepared statements. `auto`: yes, unless there is a connection pooler. Behind a pooler in transaction mode, `on` needs PgBouncer 1.21 or later with `max_prepared_statements`.',
  ),
  SIGNET_DATA_DIR: folderPath('.signet', 'The data directory of the embedded PostgreSQL.'),
  SIGNET_KEYS_DIR: folderPath('keys', 'The directory of the master key file and the key ledger.'),
  SIGNET_MASTER_KEY: masterKey(
    'The key that encrypts every other secret.',
    'the file `master.key` in the keys directory, created at the first start',
  ),
  SIGNET_MASTER_KEY_PREVIOUS: masterKey('The previous master key, while secrets are being resealed.'),
  SIGNET_ACCESS_TOKEN_TTL: duration('Lifetime of an access token, unless its resource sets another one.', '15m', 10),
  SIGNET_ID_TOKEN_TTL: duration('Lifetime of an ID token.', '1h', 10),
  SIGNET_REFRESH_TOKEN_TTL: duration('How long a refresh token is valid if it is not used.', '30d'),
  SIGNET_REFRESH_TOKEN_MAX_TTL: duration('Maximum time for which one sign-in can be extended by refreshing.', '90d'),
  SIGNET_REFRESH_GRACE: duration(
    'How long a spent refresh token still returns its successor, and a public client may repeat a code without losing its grant.',
    '10s',
    0,
  ),
  SIGNET_SESSION_TTL: duration('How long a sign-in at Signet lasts.', '30d'),
  SIGNET_SESSION_IDLE_TTL: duration('How long a sign-in at Signet lasts without activity.', '7d'),
  SIGNET_KEY_ROTATION_PERIOD: duration(
    'How long a key signs before the next one takes over as scheduled. After `keys rotate` or `keys revoke`, the new key also signs for the rest of the period of the previous key.',
    '90d',
  ),
  SIGNET_KEY_LEASE: duration('How long a node may sign without confirming the keys in the database.', '60s', 3, 3600),
  SIGNET_JWKS_MAX_AGE: duration('The max-age of the JWK Set.', '5m', 0),
  SIGNET_VERIFIER_CACHE: duration('The longest time that any verifier caches the JWK Set.', '24h', 0),
  SIGNET_CLOCK_SKEW: duration('Maximum tolerated clock difference.', '60s', 0),
  SIGNET_EVENT_RETENTION: eventRetention,
  SIGNET_SHUTDOWN_DELAY: duration(
    'How long a node keeps serving after it is asked to stop, while `/readyz` returns 503. Gives a proxy time to route requests elsewhere.',
    '0s',
    0,
    600,
  ),
  SIGNET_KEEP_ALIVE_TIMEOUT: duration(
    'How long a connection stays open between two requests. Must exceed the idle timeout of any proxy or load balancer in front of Signet. Does not apply to a new connection: its first request must arrive within 15 to 20 seconds.',
    '130s',
    1,
    7200,
  ),
  SIGNET_NAME: installationName,
  SIGNET_LOGO: filePath(
    'A PNG, JPEG, WebP or SVG file of up to 256 KB that pages show beside SIGNET_NAME. It must be readable on a white background.',
  ),
  SIGNET_ACCENT_COLOR: accentColor,
  SIGNET_HELP_URL: linkTarget('Where people get help. Linked on every page.', 'mailto'),
  SIGNET_PRIVACY_URL: linkTarget('The privacy policy. Linked on every page, and named on the sign-up page.'),
  SIGNET_TERMS_URL: linkTarget('The terms of use. Linked on every page, and named on the sign-up page.'),
  SIGNET_SMTP_URL: {
    accepts: '`smtp://user@host:port` or `smtps://user@host:port`; a password can be part of it',
    defaultInWords: 'none: an issuer on loopback writes e-mails to files, any other sends none',
    secret: true,
    about:
      'The mail server. `smtp:` (port 587 by default) requires STARTTLS unless the host is loopback; `smtps:` (port 465) uses TLS from the start.',
    parse: (text: string) => (smtpUrlFault(text) === undefined ? text : undefined),
    fault: smtpUrlFault,
  },
  SIGNET_SMTP_PASSWORD: {
    accepts: 'text',
    defaultInWords: 'the password in SIGNET_SMTP_URL',
    secret: true,
    about: 'The password of the user in SIGNET_SMTP_URL.',
    parse: (text: string) => text,
  },
  SIGNET_MAIL_FROM: {
    accepts: 'an e-mail address, or a name and an address: `Example <id@example.com>`',
    defaultInWords: 'none; required with SIGNET_SMTP_URL',
    about: 'The sender of all e-mails. Without a name, it is SIGNET_NAME.',
    parse: parseSender,
  },
  SIGNET_EMAIL_VERIFICATION: {
    accepts: '`optional`, `required`',
    defaultInWords: '`required` if SIGNET_SMTP_URL is set, otherwise `optional`',
    about:
      'Whether somebody who signs up can go on to the application only once they have verified their e-mail address. Accounts made by an operator are never blocked.',
    parse: (text: string) => (text === 'optional' || text === 'required' ? text : undefined),
  },
  SIGNET_SIGN_UP: oneOf(
    ['open', 'invite', 'closed'],
    'open',
    'Whether people can create accounts for themselves: everybody, those who have been invited (`signet users invite`), or nobody.',
  ),
  SIGNET_SIGN_UP_DOMAINS: {
    accepts: 'domain names separated by commas',
    defaultInWords: 'all domains',
    about:
      'The domains of the e-mail addresses with which people can create accounts for themselves, and to which these people can change. Subdomains are not included; invitations can go to other domains. Requires SIGNET_EMAIL_VERIFICATION to be `required`.',
    parse: parseDomains,
    fault: domainsFault,
  },
  SIGNET_PASSWORDS: oneOf(
    ['on', 'off'],
    'on',
    'Whether people can sign in with a password. `off`: with a passkey only. The issuer must then have a host name.',
  ),
  SIGNET_SECOND_FACTOR: oneOf(
    ['optional', 'required'],
    'optional',
    'Whether everybody needs a second factor besides the password. `required`: somebody who has none sets one up at the next sign-in.',
  ),
  SIGNET_PASSWORD_MIN_LENGTH: wholeNumber(8, 128, {
    default: '15',
    about:
      'Minimum length of a new password that is the only factor, in characters. NIST SP 800-63B-4 requires 15. Where every sign-in also needs a second factor, 8 are enough. Existing passwords stay valid.',
  }),
  SIGNET_BREACHED_PASSWORDS_URL: {
    accepts: 'an https URL (http if the host is loopback)',
    defaultInWords: 'none: no password is looked up',
    about:
      'The range API of Have I Been Pwned (`https://api.pwnedpasswords.com/range/`) or a mirror of it. New passwords that appear in it are refused. Only five characters of a SHA-1 hash are sent. A password is accepted without the check if there is no answer within a second.',
    parse: (text: string) => {
      const href = linkTarget('').parse(text, '')
      return href === undefined || /[?#]/.test(href) ? undefined : href.replace(/\/?$/, '/')
    },
  },
  SIGNET_ALLOW_PRIVATE_NETWORKS: {
    accepts:
      'addresses, ranges and host names separated by commas; an address or a name can have a port (`10.0.0.0/8`, `keys.internal.example:8443`, `[fd00::1]:8443`)',
    defaultInWords: 'none',
    about:
      'Other hosts and networks from which Signet may fetch what the metadata of clients names (`jwks_uri`, `logo_uri` and others). Without this setting, it fetches from publicly reachable hosts on port 443 only. An entry without a port opens all ports. The metadata services of clouds are opened only by their exact address.',
    parse: (text: string): readonly string[] | undefined => {
      const entries = text.split(',').map((entry) => entry.trim())
      return entries.every(isAllowedEntry) ? entries : undefined
    },
  },
  SIGNET_REGISTRATION: oneOf(
    ['closed', 'token', 'open'],
    'closed',
    'Which applications can register themselves (RFC 7591): none, those with a token of `signet registration-tokens create`, or all. Clients that have registered can change and delete themselves with all three values.',
  ),
  SIGNET_REGISTRATION_UNUSED_TTL: duration(
    'A client that registered itself is deleted if no user gives it access within this time.',
    '24h',
    3600,
  ),
  SIGNET_CLIENT_ID_METADATA_HOSTS: {
    accepts: 'host names separated by commas; `*.example.com` is every host below `example.com`, and `*` is every host',
    defaultInWords: 'none: such applications are unknown',
    about:
      'The hosts whose applications can identify themselves by the URL of a client ID metadata document, without being registered.',
    parse: (text: string): readonly string[] | undefined => {
      const entries = text.split(',').map((entry) => entry.trim().toLowerCase())
      return entries.every(isHostPattern) ? entries : undefined
    },
  },
  SIGNET_LEGACY_RESPONSE_TYPES: oneOf(
    ['off', 'on'],
    'off',
    'Whether clients that registered them can use the response types `id_token`, `id_token token`, `code id_token`, `code token` and `code id_token token`, which return tokens through the browser.',
  ),
  SIGNET_METRICS_TOKEN: {
    accepts: '32 to 256 letters, digits and `-._~+/=`',
    defaultInWords: 'none: only this machine can read `/metrics`, and only if the issuer is on loopback',
    secret: true,
    about: 'The bearer token for `/metrics`, required from every address.',
    // RFC 6750 §2.1.
    parse: (text: string) => (/^(?=.{32,256}$)[A-Za-z0-9._~+/-]+=*$/.test(text) ? text : undefined),
  },
  SIGNET_LOG_LEVEL: oneOf(
    ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
    'info',
    'The minimum level of log messages (JSON lines on standard error).',
  ),
} as const satisfies Record<string, Setting<unknown>>

/** Names reserved for features that do not exist yet. Setting one is an error: ignored silently, it would look as if it had an effect. */
export const futureSettings: Readonly<Record<string, string>> = {
  SIGNET_STATUS_LIST_TTL: 'this release has no status lists',
}

export type SettingName = keyof typeof declarations
export type Value<N extends SettingName> = Exclude<ReturnType<(typeof declarations)[N]['parse']>, undefined>

function isHostPattern(text: string): boolean {
  // Meant as the value of a switch. As the name of a host, `off` would turn the feature on.
  if (['on', 'off', 'none', 'all', 'any', 'true', 'false'].includes(text)) return false
  return text === '*' || /^(?:\*\.)?[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})*$/.test(text)
}
