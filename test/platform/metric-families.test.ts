import t from 'tap'
import { combineFamilies, lastingFamilies, type MetricFamily } from '../../src/platform/metric-families.ts'
import { createMetrics, type MetricDeclaration, metricDeclarations, type Sample } from '../../src/platform/metrics.ts'
import { createRegistry, exposeFamilies } from '../../src/platform/prometheus-registry.ts'

const family = (name: string, type: string, ...values: [number, Record<string, string>?][]): MetricFamily => ({
  ...{ name, help: 'Help.', type },
  values: values.map(([value, labels = {}]) => ({ labels, value })),
})
const valuesOf = (...processes: MetricFamily[][]) =>
  combineFamilies(processes).flatMap(({ values }) => values.map(({ value, labels }) => ({ value, labels })))

/** As over the channel between two processes. */
const sent = (families: readonly MetricFamily[]) => JSON.parse(JSON.stringify(families)) as MetricFamily[]

t.test('counters are added up by their labels, in whatever order these are', (t) => {
  const one = family('x_total', 'counter', [1, { a: '1', b: '2' }], [5, { a: '2', b: '2' }])
  const other = family('x_total', 'counter', [2, { b: '2', a: '1' }], [7, { a: '3', b: '2' }])
  t.same(valuesOf([one], [other]), [
    { value: 3, labels: { a: '1', b: '2' } },
    { value: 5, labels: { a: '2', b: '2' } },
    { value: 7, labels: { a: '3', b: '2' } },
  ])
  t.end()
})

t.test('labels that only look alike when they are joined stay apart', (t) => {
  const one = family('x_total', 'counter', [1, { a: '1","b' }], [2, { a: '1', b: '' }], [3, { ab: '1' }])
  t.equal(valuesOf([one], [one]).length, 3)
  t.end()
})

t.test('histograms are added up: buckets, sum and count', async (t) => {
  const metricsOf = async (...durations: number[]) => {
    const metrics = createMetrics()
    for (const seconds of durations) metrics.request('/token', 'POST', 200, seconds)
    const nothing = Object.fromEntries(Object.keys(metricDeclarations).map((name) => [name, () => [] as Sample[]]))
    const registry = createRegistry({ ...nothing, ...metrics.readings } as never)
    return sent((await registry.getMetricsAsJSON()) as unknown as MetricFamily[])
  }
  const { text } = await exposeFamilies(combineFamilies([await metricsOf(0.002, 3), await metricsOf(0.0015)]))
  const series = (suffix: string, le = '') =>
    new RegExp(`^signet_http_request_duration_seconds_${suffix}\\{[^}]*${le}[^}]*\\} (\\S+)$`, 'm').exec(text)?.[1]
  t.equal(series('bucket', 'le="0.0025"'), '2')
  t.equal(series('bucket', 'le="2.5"'), '2')
  t.equal(series('bucket', 'le="5"'), '3')
  t.equal(series('bucket', 'le="\\+Inf"'), '3')
  t.equal(series('count'), '3')
  t.ok(Math.abs(Number(series('sum')) - 3.0035) < 1e-9)
})

t.test('every gauge has a rule that makes sense', (t) => {
  const expected = {
    sum: [...['signet_database_connections', 'signet_database_connections_limit', 'signet_database_waiting']],
    min: ['signet_database_writable', 'signet_signing_ready'],
    max: [
      ...['signet_jobs_waiting', 'signet_logout_tokens_waiting', 'signet_build_info', 'signet_signing_keys'],
      ...['signet_signing_key_published_timestamp_seconds', 'signet_signing_key_activation_timestamp_seconds'],
      'signet_signing_key_rotation_period_seconds',
    ],
  }
  const results = { sum: 5, min: 2, max: 3 }
  for (const [rule, names] of Object.entries(expected))
    for (const name of names)
      t.equal(
        valuesOf([family(name, 'gauge', [2])], [family(name, 'gauge', [3])])[0]?.value,
        results[rule as keyof typeof results],
        name,
      )
  const gauges = Object.entries<MetricDeclaration>(metricDeclarations).filter(([, { type }]) => type === 'gauge')
  t.same(
    gauges.map(([name]) => name).sort(),
    Object.values(expected).flat().sort(),
    'a new gauge has to be added here, and to the rules if values of several processes do not add up',
  )
  t.end()
})

t.test('of the event loop, the slowest counts; memory adds up; the oldest process is the start', (t) => {
  const of = (name: string) => valuesOf([family(name, 'gauge', [2])], [family(name, 'gauge', [3])])[0]?.value
  t.equal(of('nodejs_eventloop_lag_p99_seconds'), 3)
  t.equal(of('process_resident_memory_bytes'), 5)
  t.equal(of('process_start_time_seconds'), 2)
  t.end()
})

t.test('a process that has not measured anything yet does not hide the others', (t) => {
  const lag = (value: number) => sent([family('nodejs_eventloop_lag_mean_seconds', 'gauge', [value])])
  t.same(
    [valuesOf(lag(Number.NaN), lag(2)), valuesOf(lag(2), lag(Number.NaN))].map(([one]) => one?.value),
    [2, 2],
  )
  t.same(valuesOf(lag(Number.NaN))[0]?.value, Number.NaN)
  t.end()
})

t.test('of a process that has ended, counters and histograms last', (t) => {
  const all = ['counter', 'gauge', 'histogram'].map((type) => family(`a_${type}`, type, [1]))
  t.same(
    lastingFamilies(all).map(({ type }) => type),
    ['counter', 'histogram'],
  )
  t.end()
})
