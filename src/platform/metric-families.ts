import type { Sample } from './metrics.ts'

/** One metric with its values, as prom-client exports it (`getMetricsAsJSON`). */
export interface MetricFamily {
  readonly name: string
  readonly help: string
  readonly type: string
  readonly values: readonly Sample[]
}

type Rule = 'sum' | 'max' | 'min'

/** Gauges that say nothing when they are added up. Memory, connections and what waits add up. */
const rules: Readonly<Record<string, Rule>> = {
  // Ready and writable are all of them, or not.
  ...{ signet_database_writable: 'min', signet_signing_ready: 'min' },
  // The same in every process, up to the moment at which each of them learns of a change.
  ...{ signet_jobs_waiting: 'max', signet_logout_tokens_waiting: 'max', signet_build_info: 'max' },
  ...{ signet_signing_keys: 'max', signet_signing_key_rotation_period_seconds: 'max' },
  signet_signing_key_published_timestamp_seconds: 'max',
  signet_signing_key_activation_timestamp_seconds: 'max',
  // The process that is worst off.
  ...{ process_open_fds: 'max', process_max_fds: 'max' },
  // The oldest process.
  process_start_time_seconds: 'min',
  nodejs_version_info: 'max',
}

function ruleOf({ name, type }: MetricFamily): Rule {
  if (type !== 'gauge') return 'sum'
  return rules[name] ?? (name.startsWith('nodejs_eventloop_lag') ? 'max' : 'sum')
}

/**
 * The metrics of several processes as those of one. Counters and histograms are added up, and so are gauges of amounts. Series with the same labels are
 * one series, whatever the order of the labels.
 */
export function combineFamilies(processes: readonly (readonly MetricFamily[])[]): MetricFamily[] {
  const families = new Map<string, { readonly family: MetricFamily; readonly samples: Map<string, Sample> }>()
  for (const family of processes.flat()) {
    const known = families.get(family.name) ?? { family, samples: new Map<string, Sample>() }
    families.set(family.name, known)
    const rule = ruleOf(family)
    for (const one of family.values) {
      // NaN is null in JSON.
      const sample = { ...one, value: one.value ?? Number.NaN }
      const key = keyOf(sample)
      const before = known.samples.get(key)
      known.samples.set(key, before ? { ...before, value: combined(rule, before.value, sample.value) } : sample)
    }
  }
  return [...families.values()].map(({ family, samples }) => ({ ...family, values: [...samples.values()] }))
}

/** What remains of a process that has ended. Without it, counters of the group would go down, which Prometheus takes for a new start at zero. */
export function lastingFamilies(families: readonly MetricFamily[]): MetricFamily[] {
  return families.filter(({ type }) => type !== 'gauge')
}

function keyOf({ metricName = '', labels }: Sample): string {
  const pairs = Object.entries(labels).map(([name, value]) => [name, String(value)])
  return JSON.stringify([metricName, ...pairs.sort(([a = ''], [b = '']) => (a < b ? -1 : 1))])
}

function combined(rule: Rule, one: number, other: number): number {
  if (rule === 'sum') return one + other
  // A process that has not measured anything yet.
  if (Number.isNaN(one)) return other
  if (Number.isNaN(other)) return one
  return rule === 'max' ? Math.max(one, other) : Math.min(one, other)
}
