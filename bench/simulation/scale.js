// Computes what docs/scale.md says. As a program, it prints it: `node bench/simulation/scale.js`. `npm run docs` writes it into the page.
import { pathToFileURL } from 'node:url'
import { scaleChart } from './chart.js'
import { costsOf, readResults, readStored } from './costs.js'
import { capacities, curveOf, planFor, sizes } from './plan.js'
import { capacityTable, demandTable, planTable, rowTable } from './report.js'

/** The generated parts of the page, by name, and its chart. */
export function computeScale() {
  const stored = readStored()
  const costs = costsOf(readResults(), stored)
  const plans = sizes.map((accounts) => planFor(accounts, costs, stored.rows))
  const [, middle] = plans
  return {
    parts: {
      capacity: capacityTable(capacities(costs)),
      demand: demandTable(),
      plan: planTable(plans),
      rows: rowTable(stored.rows, plans),
    },
    chart: scaleChart(plans, middle ? { plan: middle, curve: curveOf(middle, costs) } : undefined),
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  process.stdout.write(`${Object.values(computeScale().parts).join('\n\n')}\n`)
