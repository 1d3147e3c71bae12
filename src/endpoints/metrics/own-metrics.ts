import type { MetricFamily } from '../../platform/metric-families.ts'
import { once } from '../../platform/shared-work.ts'
import type { Signet } from '../../signet.ts'
import { readings } from './readings.ts'

/** Returns a function that reads the metrics of this process. Nothing is loaded before it is first called. */
export function createOwnMetrics(signet: Signet): () => Promise<readonly MetricFamily[]> {
  const open = once(async () => {
    const { createRegistry } = await import('../../platform/prometheus-registry.ts')
    return createRegistry({ ...signet.metrics.readings, ...readings(signet) })
  })
  return async () => {
    const registry = await open()
    return (await registry.getMetricsAsJSON()) as unknown as readonly MetricFamily[]
  }
}
