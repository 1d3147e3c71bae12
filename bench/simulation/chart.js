import { figure } from '../report.js'

const [left, plotWidth, barHeight] = [190, 480, 18]

/** @typedef {import('./plan.js').Plan} Plan */

/**
 * Draws the cores that each number of accounts keeps busy, and below it how the p99 of a refresh grows with the load on the machines of one plan.
 *
 * @param {readonly Plan[]} plans
 * @param {{ plan: Plan, curve: { load: number, p99: number }[] } | undefined} loaded
 * @returns {string} SVG, readable on light and on dark
 */
export function scaleChart(plans, loaded) {
  const bars = cores(plans, 44)
  const from = 44 + plans.length * 56 + 50
  const curve = loaded ? latencies(loaded, from) : []
  const [width, height] = [left + plotWidth + 70, from + 250]
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>Cores that Signet and PostgreSQL need, and the p99 of a refresh as the load grows</title>
<style>
text { font: 13px system-ui, sans-serif; fill: #1f2430 }
.note { fill: #5a6272 }
.signet { fill: #3556c8 }
.postgresql { fill: #b4540a }
.line { fill: none; stroke: #3556c8; stroke-width: 2.5 }
.figure { font-weight: 600 }
.axis { stroke: #5a6272; fill: none }
.planned { stroke: #5a6272; stroke-dasharray: 3 3 }
@media (prefers-color-scheme: dark) {
  text { fill: #e4e7ee }
  .note { fill: #a3abbb }
  .signet { fill: #7f9bff }
  .postgresql { fill: #ffa657 }
  .line { stroke: #7f9bff }
  .axis, .planned { stroke: #a3abbb }
}
</style>
${[...bars, ...curve].join('\n')}
</svg>
`
}

/** @param {readonly Plan[]} plans @param {number} top */
function cores(plans, top) {
  const most = Math.max(1, ...plans.flatMap(({ signetCores, postgresqlCores }) => [signetCores, postgresqlCores]))
  const legend = [
    `<text x="${left}" y="22">Cores that are busy at the peak</text>`,
    ...key(left + 250, 'signet', 'Signet'),
    ...key(left + 330, 'postgresql', 'PostgreSQL'),
  ]
  const groups = plans.flatMap(({ accounts, signetCores, postgresqlCores }, index) => {
    const y = top + index * 56
    const rows = [
      { name: 'signet', value: signetCores },
      { name: 'postgresql', value: postgresqlCores },
    ].flatMap(({ name, value }, row) => {
      const [length, at] = [(value / most) * plotWidth, y + row * (barHeight + 2)]
      return [
        `<rect class="${name}" x="${left}" y="${at}" width="${length.toFixed(1)}" height="${barHeight}" rx="2"/>`,
        `<text class="figure" x="${(left + length + 6).toFixed(1)}" y="${at + 14}">${figure(value)}</text>`,
      ]
    })
    return [`<text x="${left - 10}" y="${y + 24}" text-anchor="end">${millions(accounts)}</text>`, ...rows]
  })
  return [...legend, ...groups]
}

/** @param {number} x @param {string} name @param {string} text */
const key = (x, name, text) => [
  `<rect class="${name}" x="${x}" y="11" width="12" height="12" rx="2"/>`,
  `<text class="note" x="${x + 18}" y="22">${text}</text>`,
]

/** @param {{ plan: Plan, curve: { load: number, p99: number }[] }} loaded @param {number} top */
function latencies({ plan, curve }, top) {
  const [height, bottom] = [170, top + 190]
  const mostLoad = Math.max(1, ...curve.map(({ load }) => load))
  const mostTime = Math.max(1e-3, ...curve.map(({ p99 }) => p99))
  const x = (/** @type {number} */ load) => (left + (load / mostLoad) * plotWidth).toFixed(1)
  const y = (/** @type {number} */ time) => (bottom - (time / mostTime) * height).toFixed(1)
  const line = curve.map(({ load, p99 }, index) => `${index === 0 ? 'M' : 'L'}${x(load)} ${y(p99)}`).join('')
  return [
    `<text x="${left}" y="${top}">p99 of a refresh with the machines for ${millions(plan.accounts)}, ms</text>`,
    `<path class="axis" d="M${left} ${top + 14}V${bottom}H${left + plotWidth}"/>`,
    `<path class="line" d="${line}"/>`,
    ...[0.5, 1].map((part) => {
      const at = Number(y(mostTime * part)) + 4
      return `<text class="note" x="${left - 8}" y="${at}" text-anchor="end">${figure(mostTime * part * 1e3)}</text>`
    }),
    ...[0.25, 0.5, 0.75, 1].map((part) => {
      const load = Math.round((mostLoad * part) / 100) * 100
      return `<text class="note" x="${x(mostLoad * part)}" y="${bottom + 18}" text-anchor="middle">${load.toLocaleString('en-US')}</text>`
    }),
    `<text class="note" x="${left + plotWidth / 2}" y="${bottom + 38}" text-anchor="middle">requests a second, of all kinds</text>`,
    `<path class="planned" d="M${x(plan.perSecond)} ${top + 14}V${bottom}"/>`,
    `<text class="note" x="${x(plan.perSecond)}" y="${top + 26}" text-anchor="end" dx="-6">the planned peak</text>`,
  ]
}

/** @param {number} accounts */
const millions = (accounts) => `${(accounts / 1e6).toLocaleString('en-US')} M accounts`
