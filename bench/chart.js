/** @typedef {import('./results.js').Results} Results */

const [labelWidth, plotWidth, rowHeight, top, bottom] = [200, 480, 30, 44, 34]

/**
 * Draws the processor time that oidc-provider needs for a request as a multiple of Signet's, with a bar per scenario and a mark for the floor.
 *
 * @param {Results['rows']} rows
 * @returns {string} SVG, readable on light and on dark
 */
export function chart(rows) {
  const bars = rows
    .filter(({ server, cpuOfPeer }) => server === 'Signet' && cpuOfPeer !== undefined)
    .map(({ scenario, title, cpuOfPeer = 0 }) => ({
      ...{ title, ratio: cpuOfPeer },
      floor: rows.find((row) => row.scenario === scenario && row.server === 'floor')?.cpuOfPeer,
    }))
  const longest = Math.max(1, ...bars.map(({ ratio, floor = 0 }) => Math.max(ratio, floor)))
  const scale = plotWidth / longest
  const at = (/** @type {number} */ ratio) => (labelWidth + ratio * scale).toFixed(1)
  // To the right of the floor's mark, if the mark would overlap the number.
  const figureAt = (/** @type {number} */ ratio, /** @type {number | undefined} */ floor = 0) =>
    labelWidth + scale * (floor > ratio && (floor - ratio) * scale < 36 ? floor : ratio)
  const height = top + bars.length * rowHeight + bottom
  const width = labelWidth + plotWidth + 60
  const lines = bars.flatMap(({ title, ratio, floor }, index) => {
    const y = top + index * rowHeight
    return [
      `<text x="${labelWidth - 10}" y="${y + 15}" text-anchor="end">${escaped(title)}</text>`,
      `<rect class="bar" x="${labelWidth}" y="${y + 3}" width="${(ratio * scale).toFixed(1)}" height="16" rx="2"/>`,
      `<text class="figure" x="${(figureAt(ratio, floor) + 6).toFixed(1)}" y="${y + 15}">${ratio.toFixed(1)}</text>`,
      ...(floor === undefined ? [] : [`<path class="floor" d="M${at(floor)} ${y}v22"/>`]),
    ]
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>oidc-provider's processor time per request, as a multiple of Signet's</title>
<style>
text { font: 13px system-ui, sans-serif; fill: #1f2430 }
.note { fill: #5a6272 }
.bar { fill: #3556c8 }
.figure { font-weight: 600; paint-order: stroke; stroke: #fff; stroke-width: 3px }
.floor { stroke: #b4540a; stroke-width: 2.5 }
.one { stroke: #5a6272; stroke-dasharray: 3 3 }
@media (prefers-color-scheme: dark) {
  text { fill: #e4e7ee }
  .note { fill: #a3abbb }
  .bar { fill: #7f9bff }
  .figure { stroke: #0d1117 }
  .floor { stroke: #ffa657 }
  .one { stroke: #a3abbb }
}
</style>
<text x="${labelWidth}" y="22">Requests per second of processor time, as a multiple of oidc-provider’s</text>
<path class="one" d="M${at(1)} ${top - 8}V${height - bottom + 4}"/>
${lines.join('\n')}
<text class="note" x="${at(1)}" y="${height - 10}" text-anchor="middle">oidc-provider</text>
<path class="floor" d="M${width - 190} ${height - 22}v14"/>
<text class="note" x="${width - 182}" y="${height - 10}">the floor: bare node:http</text>
</svg>
`
}

/** @param {string} text */
function escaped(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
