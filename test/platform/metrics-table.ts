import { type MetricDeclaration, metricDeclarations } from '../../src/platform/metrics.ts'

/** The table of docs/metrics.md, generated from the declaration. */
export function metricsTable(): string {
  const rows = Object.entries<MetricDeclaration>(metricDeclarations).map(([name, { type, labels, help }]) => [
    `\`${name}\``,
    type,
    Object.entries(labels)
      .map(
        ([label, values]) =>
          `\`${label}\`: ${typeof values === 'string' ? values : values.map((value) => `\`${value}\``).join(', ')}`,
      )
      .join('<br>'),
    help,
  ])
  return [['metric', 'type', 'labels', ''], ['---', '---', '---', '---'], ...rows]
    .map((cells) => `| ${cells.join(' | ')} |`.replace(/\s+\|$/, ' |'))
    .join('\n')
}
