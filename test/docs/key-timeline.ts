import { activationDelay, readSettings } from '../../src/platform/config/settings.ts'

const day = 86_400

/** A duration in words, exactly: `24 h 12 min`. */
export function inWords(seconds: number): string {
  const parts = [
    [Math.floor(seconds / day), 'd'],
    [Math.floor((seconds % day) / 3600), 'h'],
    [Math.floor((seconds % 3600) / 60), 'min'],
    [seconds % 60, 's'],
  ] as const
  // Cache times are given in hours, and so are durations that are only a little longer.
  const inHours = seconds < 2 * day ? ([[Math.floor(seconds / 3600), 'h'], ...parts.slice(2)] as const) : parts
  return inHours.flatMap(([count, unit]) => (count > 0 ? [`${count} ${unit}`] : [])).join(' ')
}

/** The lifetime of a key under the default settings, as SVG; readable on light and on dark. */
export function keyTimeline(): string {
  const settings = readSettings({}, '/nowhere')
  const delay = activationDelay(settings)
  const longest = Math.max(settings.accessTokenTtl, settings.idTokenTtl)
  const overlap = longest + settings.clockSkew + settings.keyLease
  const [width, left, right, row] = [860, 96, 24, 34]
  const periods = 4
  const scale = (width - left - right) / (periods * settings.keyRotationPeriod)
  const x = (seconds: number) => (left + seconds * scale).toFixed(1)
  const wide = (from: number, to: number) => Math.max(3, (to - from) * scale).toFixed(1)
  const bar = (kind: string, from: number, to: number, y: number, label = '') =>
    `<rect class="${kind}" x="${x(from)}" y="${y}" width="${wide(from, to)}" height="22" rx="3"/>` +
    (label ? `<text class="in" x="${x((from + to) / 2)}" y="${y + 15}">${label}</text>` : '')

  const period = settings.keyRotationPeriod
  const keys = ['A', 'B', 'C', 'D'].map((name, index) => {
    const y = 66 + index * row
    const signs = index * period
    const published = Math.max(0, signs - 2 * period)
    return [
      `<text class="name" x="${left - 12}" y="${y + 15}">key ${name}</text>`,
      ...(signs > published
        ? [bar('young', published, published + delay, y), bar('standby', published + delay, signs, y, 'standby')]
        : []),
      bar('active', signs, signs + period, y, 'signs'),
      ...(index < periods - 1 ? [bar('retiring', signs + period, signs + period + overlap, y)] : []),
    ].join('\n')
  })
  const ticks = Array.from({ length: periods + 1 }, (_, index) => [
    `<path class="tick" d="M${x(index * period)} 56V${66 + periods * row}"/>`,
    `<text class="note mid" x="${x(index * period)}" y="48">${index === 0 ? 'first start' : inWords(index * period)}</text>`,
  ]).flat()

  const ripening = [
    ['max-age', settings.jwksMaxAge],
    ['stale while asking', settings.jwksMaxAge],
    ['verifier’s own cache', settings.verifierCache],
    ['clocks', settings.clockSkew],
    ['lease', settings.keyLease],
  ] as const
  const leaving = [
    ['the longest token', longest],
    ['clocks', settings.clockSkew],
    ['lease', settings.keyLease],
  ] as const
  const below = 66 + periods * row + 40
  const height = below + 134
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title desc">
<title id="title">The lifetime of a key under the default settings</title>
<desc id="desc">A key signs for ${inWords(period)}. Two others are on standby, published at least ${inWords(delay)} before they sign. A key leaves the set ${inWords(overlap)} after its successor took over.</desc>
<style>
text { font: 13px system-ui, sans-serif; fill: #1f2430 }
.title { font-weight: 600 }
.name { text-anchor: end; font-weight: 600 }
.note { fill: #5a6272 }
.mid, .in { text-anchor: middle }
.tick { stroke: #9aa2b1; stroke-dasharray: 2 4 }
.standby { fill: #dbe3f8; stroke: #3556c8 }
.young { fill: #f5d9b8; stroke: #b4540a }
.active { fill: #3556c8 }
.active + .in { fill: #fff }
.retiring { fill: #b9c0cd; stroke: #5a6272 }
@media (prefers-color-scheme: dark) {
  text { fill: #e4e7ee }
  .note { fill: #a3abbb }
  .tick { stroke: #5a6272 }
  .standby { fill: #22305e; stroke: #7f9bff }
  .young { fill: #5a3a14; stroke: #ffa657 }
  .active { fill: #7f9bff }
  .active + .in { fill: #0d1117 }
  .retiring { fill: #4a515f; stroke: #a3abbb }
}
</style>
<text class="title" x="${left}" y="22">Four keys of one algorithm, from the first start</text>
${ticks.join('\n')}
${keys.join('\n')}
${sum('From its publication until every verifier knows it', 'young', ripening, delay, 24, below)}
${sum('From its successor’s first signature until it leaves the set', 'retiring', leaving, overlap, 24, below + 72)}
</svg>
`
}

/** Durations that add up, as boxes in a row; the widths have no meaning. */
function sum(
  title: string,
  kind: string,
  parts: readonly (readonly [string, number])[],
  total: number,
  left: number,
  y: number,
): string {
  const boxes = parts.map(([name, seconds], index) => {
    const x = left + index * 128
    return (
      `<rect class="${kind}" x="${x}" y="${y + 10}" width="122" height="38" rx="3"/>` +
      `<text class="mid" x="${x + 61}" y="${y + 26}">${inWords(seconds)}</text>` +
      `<text class="mid note" style="font-size: 11px" x="${x + 61}" y="${y + 41}">${name}</text>`
    )
  })
  return [
    `<text class="title" x="${left}" y="${y}">${title}</text>`,
    ...boxes,
    `<text class="title" x="${left + parts.length * 128 + 8}" y="${y + 34}">= ${inWords(total)}</text>`,
  ].join('\n')
}
