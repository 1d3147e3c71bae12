import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { packageFolder } from '../../src/platform/config/installation-folder.ts'
import {
  durationBounds,
  type MetricDeclaration,
  type MetricName,
  metricDeclarations,
} from '../../src/platform/metrics.ts'
import { createRegistry } from '../../src/platform/prometheus-registry.ts'

interface Panel {
  readonly id: number
  readonly type: string
  readonly title?: string
  readonly description?: string
  readonly datasource?: { readonly uid: string }
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } }
  readonly targets?: readonly { readonly expr: string; readonly datasource: { readonly uid: string } }[]
}

interface Dashboard {
  readonly panels: readonly Panel[]
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly type: string; readonly query: string }[]
  }
}

interface Alerts {
  readonly groups: readonly {
    readonly rules: readonly {
      readonly alert: string
      readonly expr: string
      readonly for: string
      readonly labels: { readonly severity: string }
      readonly annotations: { readonly summary: string; readonly description: string }
    }[]
  }[]
}

const read = (path: string) => readFileSync(join(packageFolder, path), 'utf8')
const page = read('docs/metrics.md')
const dashboard = JSON.parse(read('deploy/grafana-dashboard.json')) as Dashboard
const rules = (parse(read('deploy/prometheus-alerts.yml')) as Alerts).groups.flatMap((group) => group.rules)
const panels = dashboard.panels.filter(({ type }) => type !== 'row')
const queries = [
  ...panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
  ...dashboard.templating.list.filter(({ type }) => type === 'query').map(({ query }) => query),
  ...rules.map(({ expr }) => expr),
]

/** The names of a metric's series. */
function seriesOf(name: string, type: string): string[] {
  return type === 'histogram' ? ['_bucket', '_sum', '_count'].map((suffix) => name + suffix) : [name]
}

const nothing = Object.fromEntries(Object.keys(metricDeclarations).map((name) => [name, () => []]))
const registered = (await createRegistry(nothing as never).getMetricsAsJSON()).map(({ name, type }) => ({
  name,
  type: String(type),
}))
// `up` is Prometheus' own metric: whether the scrape succeeded.
const series = new Set(['up', ...registered.flatMap(({ name, type }) => seriesOf(name, type))])
const labelsOf = new Map(
  Object.entries<MetricDeclaration>(metricDeclarations).flatMap(([name, { type, labels }]) =>
    seriesOf(name, type).map((each) => [each, labels] as const),
  ),
)

/** The metrics that a query names: a word before a selector, or a whole word with one of our prefixes. */
function metricsIn(query: string): string[] {
  return [...query.matchAll(/\b(?:signet|nodejs|process)_[a-z0-9_]+|\b[a-z_]+(?=\{)/g)].map(([name]) => name)
}

t.test('an unknown metric name is found', async (t) => {
  t.same(metricsIn('rate(signet_no_such_total[5m]) > 0 and upp{job="x"} == 0'), ['signet_no_such_total', 'upp'])
  t.notOk(series.has('signet_no_such_total'))
  t.notOk(series.has('signet_http_request_duration_seconds'), 'a histogram has only its series')
})

t.test('every metric in the dashboard and the alerts is exported', async (t) => {
  const named = new Set(queries.flatMap(metricsIn))
  t.ok(named.size > 15, 'names are found')
  for (const name of named) t.ok(series.has(name), name)
  const unused = (Object.keys(metricDeclarations) as MetricName[]).filter(
    (name) => !seriesOf(name, metricDeclarations[name].type).some((each) => named.has(each)),
  )
  t.same(unused, ['signet_signing_key_published_timestamp_seconds'], 'and few are shown nowhere')
})

t.test('every label that a query selects by exists on its metric, with a value that it can have', async (t) => {
  let checked = 0
  for (const query of queries)
    for (const [, name = '', selector = ''] of query.matchAll(/\b(signet_\w+)\{([^}]*)\}/g))
      for (const [, label = '', values = ''] of selector.matchAll(/(\w+)(?:=~|!~|!=|=)"([^"]*)"/g)) {
        if (['job', 'instance'].includes(label)) continue
        const possible = labelsOf.get(name)?.[label]
        t.ok(possible, `${name} has ${label}`)
        if (possible && typeof possible !== 'string')
          for (const value of values.split('|')) t.ok(possible.includes(value), `${label} can be ${value}`)
        checked++
      }
  t.ok(checked > 10, 'selectors are found')
})

t.test('every panel has a title, a description, a unit and a query of the selected data source', async (t) => {
  t.ok(panels.length > 15)
  t.equal(new Set(dashboard.panels.map(({ id }) => id)).size, dashboard.panels.length)
  t.ok(dashboard.templating.list.some(({ name, type }) => name === 'datasource' && type === 'datasource'))
  for (const { title = '', description, fieldConfig, datasource, targets = [] } of panels) {
    t.ok(title, 'a title')
    t.match(description, /\.$/, title)
    t.ok(fieldConfig?.defaults.unit, `${title}: a unit`)
    t.ok(targets.length > 0, `${title}: a query`)
    for (const { expr, datasource: asked } of targets) {
      t.match(expr, /job=~"\$job", instance=~"\$instance"/, title)
      for (const uid of [asked.uid, datasource?.uid]) t.match(uid, /^\$\{datasource\}$/, title)
    }
  }
})

t.test('no panels overlap', async (t) => {
  for (const [index, { title = '', gridPos: a }] of dashboard.panels.entries()) {
    t.ok(a.x + a.w <= 24, title)
    for (const { gridPos: b } of dashboard.panels.slice(index + 1))
      t.notOk(a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h, title)
  }
})

t.test('every alert has a delay, a severity and a link to its explanation', async (t) => {
  t.ok(rules.length > 8)
  for (const { alert, expr, for: wait, labels, annotations } of rules) {
    t.match(alert, /^Signet[A-Z]\w+$/)
    t.match(wait, /^\d+[mh]$/, alert)
    t.ok(['critical', 'warning'].includes(labels.severity), alert)
    t.match(annotations.summary, /\S.*\.$/, alert)
    t.match(annotations.description, new RegExp(`See docs/metrics\\.md#${alert.toLowerCase()}\\.$`), alert)
    t.ok(page.includes(`\n### ${alert}\n`), `${alert} is explained`)
    t.equal((expr.match(/\(/g) ?? []).length, (expr.match(/\)/g) ?? []).length, alert)
    for (const name of metricsIn(expr)) t.match(expr, new RegExp(`${name}\\{job="signet"`), `${alert}: ${name}`)
  }
  const explained = [...page.matchAll(/^### (Signet\w+)$/gm)].map(([, alert]) => alert)
  t.same(
    explained,
    rules.map(({ alert }) => alert),
    'in the same order, and no other',
  )
})

t.test('every metric that the page names exists', async (t) => {
  const declared = new Set([...series, ...registered.map(({ name }) => name)])
  const named = new Set([...page.matchAll(/\b(?:signet|nodejs|process)_[a-z0-9_]+/g)].map(([name]) => name))
  for (const name of named) t.ok(declared.has(name), name)
})

t.test('names and units follow the Prometheus conventions', async (t) => {
  for (const [name, { type, help, labels }] of Object.entries<MetricDeclaration>(metricDeclarations)) {
    t.match(name, /^signet_[a-z]+(?:_[a-z]+)*$/)
    t.equal(name.endsWith('_total'), type === 'counter', `${name}: only counters are totals`)
    t.notMatch(name, /_(?:ms|milliseconds|minutes|kb|count|sum|bucket)(?:_|$)/, name)
    t.match(help, /\.$|[A-Z_]$/, name)
    for (const label of Object.keys(labels)) t.notOk(['job', 'instance', 'le', 'quantile'].includes(label), label)
  }
  t.same(
    durationBounds,
    durationBounds.toSorted((a, b) => a - b),
  )
})
