import { signingAlgorithms } from './jwt/algorithms.ts'

/** One metric: what is said of it at each scrape and in docs/metrics.md. */
export interface MetricDeclaration {
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  /** For each label all values that it can have, or, where they are too many, what they are. None is ever what somebody sent. */
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
    help: 'Requests that were answered, by how long that took. Its _count is the number of requests.',
    labels: {
      route: "the route's path; `none` for an address that is no route",
      method: ['GET', 'HEAD', 'POST', 'OPTIONS', 'other'],
      status: ['1xx', '2xx', '3xx', '4xx', '5xx'],
    },
  },
  signet_refusals_total: {
    type: 'counter',
    help: 'Errors that were told to clients and people.',
    labels: { entry: 'the name of an error, as at `/errors`' },
  },
  signet_tokens_issued_total: {
    type: 'counter',
    help: 'Tokens that went out.',
    labels: {
      token: ['access', 'id'],
      grant_type: ['authorization_code', 'refresh_token', 'client_credentials'],
      alg: signingAlgorithms,
    },
  },
  signet_sign_ins_total: {
    type: 'counter',
    help: 'Passwords that were tried at the sign-in page. limited: over a limit; busy: too many were waiting.',
    labels: { outcome: ['success', 'wrong_credentials', 'limited', 'busy'] },
  },
  signet_refreshes_total: {
    type: 'counter',
    help: 'What the rule said of refresh tokens that were authentic and of a living family.',
    labels: { outcome: ['spend', 'again', 'forgive', 'exhausted', 'advance', 'reused'] },
  },
  signet_limits_exceeded_total: {
    type: 'counter',
    help: 'Attempts that were refused because a limit was reached. sign-in-wait: the account waits after too many failures, and the attempt fails as a wrong password does.',
    labels: { limit: ['sign-in-name', 'sign-in-network', 'sign-in-wait', 'sign-up-network'] },
  },
  signet_database_connections: {
    type: 'gauge',
    help: 'Connections that this node has to the database.',
    labels: { state: ['busy', 'idle'] },
  },
  signet_database_connections_limit: {
    type: 'gauge',
    help: 'Maximum connections of this node at present: SIGNET_DATABASE_POOL, or fewer where the database refuses more.',
    labels: {},
  },
  signet_database_waiting: {
    type: 'gauge',
    help: 'Requests that wait for a connection to the database.',
    labels: {},
  },
  signet_database_writable: {
    type: 'gauge',
    help: '1 where the heartbeat wrote to the primary within the last seconds. Else 0; /readyz says why.',
    labels: {},
  },
  signet_signing_ready: {
    type: 'gauge',
    help: '1 where this node may sign: every algorithm has an active key, and the keys were confirmed in time. Else 0.',
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
    help: 'When the key began to sign, or, on standby, when it takes over; in seconds since 1970.',
    labels: keyLabels,
  },
  signet_signing_key_rotation_period_seconds: {
    type: 'gauge',
    help: 'How long a key signs before the next one takes over: SIGNET_KEY_ROTATION_PERIOD.',
    labels: {},
  },
  signet_build_info: {
    type: 'gauge',
    help: 'Always 1; the version that runs.',
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

/** The labels of a metric, each with a value that it can have. */
export type Labels<N extends MetricName> = {
  readonly [L in keyof Declarations[N]['labels']]: Declarations[N]['labels'][L] extends readonly (infer V extends
    string)[]
    ? V
    : string
}

/** One value as it is told to Prometheus. */
export interface Sample {
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
  /** Where it is not the metric's own: `_bucket`, `_sum`, `_count`. */
  readonly metricName?: string
}

/** Gives the present values of metrics. */
export type Readings<N extends MetricName> = { readonly [M in N]: () => Sample[] }

/** What this process has counted since its start. */
export interface Metrics {
  count<N extends CounterName>(name: N, labels: Labels<N>): void
  /**
   * Counts an answered request.
   *
   * @param route the route's path, never the URL
   * @param seconds that the answer took
   */
  request(route: string, method: string, status: number, seconds: number): void
  readonly readings: Readings<Counted>
}

/** Seconds. A token takes a millisecond or two, a password some fifty, and nothing waits for the database longer than seven seconds. */
export const durationBounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const

const methods: ReadonlySet<string> = new Set(metricDeclarations.signet_http_request_duration_seconds.labels.method)

interface Durations {
  readonly labels: Labels<'signet_http_request_duration_seconds'>
  /** One for each bound, and one for what took longer. */
  readonly counts: number[]
  sum: number
}

interface Count {
  readonly labels: Readonly<Record<string, string>>
  value: number
}

/**
 * Counts in plain numbers. prom-client, which shows them (prometheus-registry.ts), takes three times as long for a request
 * and 60 ms to load; so it is loaded at the first scrape, and never where there is none.
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

/** In the declaration's order, whatever the caller's is. */
function keyOf(name: CounterName, labels: Readonly<Record<string, string>>): string {
  let key = ''
  for (const label in metricDeclarations[name].labels) key += `${labels[label]} `
  return key
}

/** A series must be there before the first event: of one that begins at 1, Prometheus sees no increase. */
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
