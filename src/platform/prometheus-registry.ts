import { collectDefaultMetrics, type Gauge, Registry } from 'prom-client'
import type { MetricFamily } from './metric-families.ts'
import { type MetricDeclaration, type MetricName, metricDeclarations, type Readings, type Sample } from './metrics.ts'

/**
 * Creates a separate registry with Signet's metrics and those of the process. Signet's are read at each scrape, so that no series outlives what it
 * describes. Those of the process have the usual names (`process_*`, `nodejs_*`) and are measured from now on.
 */
export function createRegistry(readings: Readings<MetricName>): Registry {
  const registry = new Registry()
  for (const name of Object.keys(metricDeclarations) as MetricName[]) {
    const { type, help }: MetricDeclaration = metricDeclarations[name]
    const declaration = { name, help, type, aggregator: 'sum' as const }
    register(registry, declaration, () => readings[name]())
  }
  collectDefaultMetrics({ register: registry })
  return registry
}

/** A response to Prometheus. */
export interface Exposition {
  readonly contentType: string
  readonly text: string
}

/** Writes metrics that have been exported from registries. */
export async function exposeFamilies(families: readonly MetricFamily[]): Promise<Exposition> {
  const registry = new Registry()
  for (const { values, ...declaration } of families) register(registry, declaration, () => [...values])
  return { contentType: registry.contentType, text: await registry.metrics() }
}

/** prom-client's own classes do the counting, and a histogram cannot be set. These members are all that a registry needs of a metric. */
function register(registry: Registry, declaration: Omit<MetricFamily, 'values'>, read: () => Sample[]): void {
  const metric = { ...declaration, get: async () => ({ ...declaration, values: read() }) }
  registry.registerMetric(metric as unknown as Gauge)
}
