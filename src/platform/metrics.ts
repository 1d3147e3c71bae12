import { shedReasons } from './http/admission.ts'
import { idTokenAlgorithms, signingAlgorithms } from './jwt/algorithms.ts'

/** One metric, as described in each scrape and in docs/metrics.md. */
export interface MetricDeclaration {
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  /** For each label all its possible values, or, if they are too many, a description of them. Never taken from what a caller sent. */
  readonly labels: Readonly<Record<string, readonly string[] | string>>
}

const keyLabels = {
  kid: 'of each published key',
  alg: signingAlgorithms,
  state: ['standby', 'active', 'retiring'],
} as const

/** Every metric of Signet's own. Names and units are those of Prometheus' conventions: seconds, and counters end in `_total`. */
export const metricDeclarations = {
  signet_http_request_duration_seconds: {
    type: 'histogram',
    help: 'Response times. Its _count is the number of requests.',
    labels: {
      route: "the route's path; `none` if no route matches",
      method: ['GET', 'HEAD', 'POST', 'OPTIONS', 'other'],
      status: ['1xx', '2xx', '3xx', '4xx', '5xx'],
    },
  },
  signet_refusals_total: {
    type: 'counter',
    help: 'Error responses sent, by error.',
    labels: { entry: 'the name of the error, as at `/errors`' },
  },
  signet_requests_shed_total: {
    type: 'counter',
    help: 'Requests refused with 503 because there were more than can be served in time. queue_delay: those before it had already waited too long; queue_full: too many were waiting; too_late: it had waited too long itself.',
    labels: { reason: shedReasons },
  },
  signet_tokens_issued_total: {
    type: 'counter',
    help: 'Tokens issued.',
    labels: {
      token: ['access', 'id'],
      grant_type: [
        ...['authorization_code', 'implicit', 'refresh_token', 'client_credentials'],
        'urn:ietf:params:oauth:grant-type:device_code',
      ],
      alg: idTokenAlgorithms,
    },
  },
  signet_sign_ins_total: {
    type: 'counter',
    help: 'Steps of a sign-in. success: signed in; second_factor_needed: the password was right; wrong_credentials: the password was wrong, or the passkey was refused; wrong_code: the password was right, and the code was wrong; limited: over a limit; busy: too many were waiting.',
    labels: { outcome: ['success', 'second_factor_needed', 'wrong_credentials', 'wrong_code', 'limited', 'busy'] },
  },
  signet_refreshes_total: {
    type: 'counter',
    help: 'Outcomes of genuine refresh tokens whose family is still active.',
    labels: { outcome: ['spend', 'again', 'forgive', 'exhausted', 'advance', 'reused'] },
  },
  signet_limits_exceeded_total: {
    type: 'counter',
    help: 'Attempts refused because a limit was reached. sign-in-wait: the account is paused after too many failures, and the attempt fails like a wrong password.',
    labels: {
      limit: [
        ...['sign-in-name', 'sign-in-network', 'sign-in-wait', 'sign-up-network', 'invitation'],
        ...['device-request-network', 'device-request-client', 'user-code-network', 'user-code-person'],
        ...['pushed-request-network', 'pushed-request-client'],
        ...['passkey-network', 'recovery-network', 'recovery-all', 'recovery-link'],
        ...['verification-network', 'verification-person', 'email-code-network', 'email-code-person'],
        ...['one-time-code', 'one-time-code-day', 'recovery-code-network'],
        ...['registration-network', 'registration-all', 'registration-token', 'registration-change'],
        'registration-change-network',
        ...['document-network', 'document-host', 'document-client', 'document-all'],
        'avatar-person',
      ],
    },
  },
  signet_breached_password_checks_total: {
    type: 'counter',
    help: 'New passwords looked up at SIGNET_BREACHED_PASSWORDS_URL. timeout, failed: there was no usable answer, and the password was accepted without the check.',
    labels: { outcome: ['listed', 'unlisted', 'timeout', 'failed'] },
  },
  signet_mails_total: {
    type: 'counter',
    help: 'Attempts to send an e-mail. failed: it will be tried again; given_up: it will not, and there is an event mail_failed.',
    labels: { outcome: ['sent', 'failed', 'given_up'] },
  },
  signet_jobs_waiting: {
    type: 'gauge',
    help: 'Jobs in the queue, such as e-mails and logout tokens that are to be sent or tried again, counted about once a minute, up to 10,000. The same on every node.',
    labels: {},
  },
  signet_logout_tokens_total: {
    type: 'counter',
    help: 'Attempts to tell a client that a session has ended (back-channel logout). failed: it will be tried again; given_up: it will not, and there is an event logout_token_failed; dropped: the client was deleted, or has no backchannel_logout_uri any more.',
    labels: { outcome: ['sent', 'failed', 'given_up', 'dropped'] },
  },
  signet_logout_tokens_waiting: {
    type: 'gauge',
    help: 'Logout tokens among the jobs in the queue, counted in the same way. The same on every node.',
    labels: {},
  },
  signet_database_connections: {
    type: 'gauge',
    help: 'Connections of this node to the database.',
    labels: { state: ['busy', 'idle'] },
  },
  signet_database_connections_limit: {
    type: 'gauge',
    help: 'Maximum number of connections this node may currently open: SIGNET_DATABASE_POOL, or fewer if the database refuses more.',
    labels: {},
  },
  signet_database_waiting: {
    type: 'gauge',
    help: 'Requests waiting for a connection to the database.',
    labels: {},
  },
  signet_database_writable: {
    type: 'gauge',
    help: '1 if the heartbeat wrote to the primary within the last few seconds; otherwise 0, and /readyz says why.',
    labels: {},
  },
  signet_signing_ready: {
    type: 'gauge',
    help: '1 if this node may sign: every algorithm has an active key, and the keys were confirmed in time; otherwise 0.',
    labels: {},
  },
  signet_signing_keys: {
    type: 'gauge',
    help: 'Published signing keys.',
    labels: { alg: signingAlgorithms, state: keyLabels.state },
  },
  signet_signing_key_published_timestamp_seconds: {
    type: 'gauge',
    help: 'When the key was published, in seconds since 1970.',
    labels: keyLabels,
  },
  signet_signing_key_activation_timestamp_seconds: {
    type: 'gauge',
    help: 'When the key started signing or, if it is on standby, when it takes over; in seconds since 1970.',
    labels: keyLabels,
  },
  signet_signing_key_rotation_period_seconds: {
    type: 'gauge',
    help: 'How long a key signs before the next one takes over: SIGNET_KEY_ROTATION_PERIOD.',
    labels: {},
  },
  signet_build_info: {
    type: 'gauge',
    help: 'Always 1; the running version is in the label.',
    labels: { version: 'as `signet version` prints it' },
  },
} as const satisfies Readonly<Record<string, MetricDeclaration>>

type Declarations = typeof metricDeclarations
export type MetricName = keyof Declarations
type OfType<T extends MetricDeclaration['type']> = {
  [N in MetricName]: Declarations[N]['type'] extends T ? N : never
}[MetricName]
export type CounterName = OfType<'counter'>
export type GaugeName = OfType<'gauge'>
export type Counted = Exclude<MetricName, GaugeName>

/** The labels of a metric, each with one of its possible values. */
export type Labels<N extends MetricName> = {
  readonly [L in keyof Declarations[N]['labels']]: Declarations[N]['labels'][L] extends readonly (infer V extends
    string)[]
    ? V
    : string
}

/** One value as it is exposed to Prometheus. */
export interface Sample {
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
  /** If it differs from the metric's own: `_bucket`, `_sum`, `_count`. */
  readonly metricName?: string
}

/** Functions that return the current values of metrics. */
export type Readings<N extends MetricName> = { readonly [M in N]: () => Sample[] }

/** The counters and histograms of this process since its start. */
export interface Metrics {
  count<N extends CounterName>(name: N, labels: Labels<N>): void
  /**
   * Counts an answered request.
   *
   * @param route the route's path, never the URL
   * @param seconds how long the answer took
   */
  request(route: string, method: string, status: number, seconds: number): void
  readonly readings: Readings<Counted>
}

/** Seconds. A token takes one or two milliseconds, a password about fifty, and no request waits for the database for more than seven seconds. */
export const durationBounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const

const methods: ReadonlySet<string> = new Set(metricDeclarations.signet_http_request_duration_seconds.labels.method)

interface Durations {
  readonly labels: Labels<'signet_http_request_duration_seconds'>
  /** One for each bound, and one for longer durations. */
  readonly counts: number[]
  sum: number
}

interface Count {
  readonly labels: Readonly<Record<string, string>>
  value: number
}

/**
 * Counts in plain numbers. prom-client, which renders them (prometheus-registry.ts), would take three times as long per request, and takes
 * 60 ms to load; so it is loaded at the first scrape, or never if there is none.
 */
export function createMetrics(): Metrics {
  const counters = new Map<CounterName, Map<string, Count>>(counterNames.map((name) => [name, atZero(name)]))
  const durations = new Map<string, Durations>()
  return {
    count: (name, labels) => {
      const counts = counters.get(name) as Map<string, Count>
      const key = keyOf(name, labels)
      const count = counts.get(key)
      if (count) count.value++
      else counts.set(key, { labels, value: 1 })
    },
    request: (route, anyMethod, statusCode, seconds) => {
      const method = methods.has(anyMethod) ? anyMethod : 'other'
      const status = Math.floor(statusCode / 100)
      const key = `${status} ${method} ${route}`
      let series = durations.get(key)
      if (!series) {
        const labels = { route, method, status: `${status}xx` } as Durations['labels']
        series = { labels, counts: new Array(durationBounds.length + 1).fill(0), sum: 0 }
        durations.set(key, series)
      }
      let bucket = 0
      while (seconds > (durationBounds[bucket] ?? Infinity)) bucket++
      series.counts[bucket]!++
      series.sum += seconds
    },
    readings: {
      ...(Object.fromEntries(
        [...counters].map(([name, counts]) => [name, () => [...counts.values()]]),
      ) as unknown as Readings<CounterName>),
      signet_http_request_duration_seconds: () =>
        [...durations.values()].flatMap((series) => histogramSamples('signet_http_request_duration_seconds', series)),
    },
  }
}

const counterNames = (Object.keys(metricDeclarations) as MetricName[]).filter(
  (name): name is CounterName => metricDeclarations[name].type === 'counter',
)

/** The label values in the order of the declaration, regardless of the caller's order. */
function keyOf(name: CounterName, labels: Readonly<Record<string, string>>): string {
  let key = ''
  for (const label in metricDeclarations[name].labels) key += `${labels[label]} `
  return key
}

/** All series, at zero. Each must exist before its first event: if a series starts at 1, Prometheus sees no increase. */
function atZero(name: CounterName): Map<string, Count> {
  let combinations: Record<string, string>[] = [{}]
  for (const [label, values] of Object.entries<readonly string[] | string>(metricDeclarations[name].labels)) {
    if (typeof values === 'string') return new Map()
    combinations = combinations.flatMap((labels) => values.map((value) => ({ ...labels, [label]: value })))
  }
  return new Map(combinations.map((labels) => [keyOf(name, labels), { labels, value: 0 }]))
}

function histogramSamples(name: MetricName, { labels, counts, sum }: Durations): Sample[] {
  let count = 0
  const buckets = counts.map((inBucket, index) => {
    count += inBucket
    return { labels: { ...labels, le: durationBounds[index] ?? '+Inf' }, value: count, metricName: `${name}_bucket` }
  })
  return [
    ...buckets,
    { labels, value: sum, metricName: `${name}_sum` },
    { labels, value: count, metricName: `${name}_count` },
  ]
}
