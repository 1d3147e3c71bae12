/** @typedef {import('./results.js').Results} Results */

const columns = ['', 'server', 'a second', 'p50 ms', 'p99 ms', 'CPU µs', 'CPU × oidc-provider', 'CPU × floor']

/**
 * The ratio to another checkout is a column only if there was one.
 *
 * @param {Results['rows']} rows
 */
function speedTable(rows) {
  const hasBefore = rows.some(({ server }) => server === 'Signet, before')
  const body = rows.map((row, index) => [
    rows[index - 1]?.title === row.title ? '' : row.title,
    ...[row.server, figure(row.perSecond), figure(row.p50), figure(row.p99), figure(row.cpu)],
    ...[row.cpuOfPeer, row.cpuOfFloor, ...(hasBefore ? [row.cpuOfBefore] : [])].map(
      (ratio) => ratio?.toFixed(2) ?? '–',
    ),
  ])
  return { head: hasBefore ? [...columns, 'CPU × before'] : columns, body }
}

const databaseColumns = ['', 'server', 'PostgreSQL CPU µs', 'statements', 'commits', 'WAL bytes']

/** @param {Results['rows']} rows */
function databaseTable(rows) {
  const watched = rows.filter(({ walBytes }) => walBytes !== undefined)
  const body = watched.map((row, index) => [
    ...[watched[index - 1]?.title === row.title ? '' : row.title, row.server, figure(row.postgresCpu)],
    ...[row.statements?.toFixed(1) ?? '–', row.commits?.toFixed(2) ?? '–', figure(row.walBytes)],
  ])
  return { head: databaseColumns, body }
}

/**
 * Rounds to three significant figures.
 *
 * @param {number | undefined} value
 */
export function figure(value) {
  if (value === undefined) return '–'
  if (value >= 1_000) return String(Math.round(value / 10) * 10)
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)
}

/**
 * A plain-text table with text left-aligned and numbers right-aligned.
 *
 * @param {readonly string[]} head
 * @param {readonly (readonly string[])[]} body
 * @param {number} words the number of text columns
 */
export function textTable(head, body, words) {
  const widths = head.map((name, column) => Math.max(name.length, ...body.map((row) => row[column]?.length ?? 0)))
  const line = (/** @type {readonly string[]} */ row) =>
    row
      .map((cell, column) => (column < words ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ')
      .trimEnd()
  return [line(head), widths.map((width) => '─'.repeat(width)).join('  '), ...body.map(line)].join('\n')
}

/** @param {readonly string[]} head @param {readonly (readonly string[])[]} body @param {number} words */
export function markdownTable(head, body, words) {
  const rule = head.map((_, column) => (column < words ? '---' : '---:'))
  return [head, rule, ...body].map((row) => `| ${row.join(' | ')} |`).join('\n')
}

/** @param {Results} results */
function memoryCells({ memory }) {
  return memory.map(({ server, atRest, afterLoad }) => [server, figure(atRest), figure(afterLoad)])
}

const memoryColumns = ['memory, MiB', 'at rest', 'after the load']

/** @param {Results} results */
const settingOf = ({ machine, setting }) =>
  Object.entries({ ...machine, ...setting }).map(([name, value]) => `${name}: ${value}`)

/** @param {Results} results */
const startOf = ({ start }) =>
  start ? [`Start to ready: ${figure(start.first)} ms the first time, ${figure(start.later)} ms later.`] : []

/**
 * For the console.
 *
 * @param {Results} results
 */
export function textReport(results) {
  const [speed, database] = [speedTable(results.rows), databaseTable(results.rows)]
  return [
    settingOf(results).join('\n'),
    textTable(speed.head, speed.body, 2),
    ...(database.body.length > 0 ? [textTable(database.head, database.body, 2)] : []),
    textTable(memoryColumns, memoryCells(results), 1),
    ...startOf(results),
    results.bars
      .map(({ bar, measured, met }) => `${met ? 'met    ' : 'not met'}  ${bar} (${figure(measured)})`)
      .join('\n'),
  ]
    .filter((part) => part !== '')
    .join('\n\n')
    .concat('\n')
}

/**
 * For docs/speed.md.
 *
 * @param {Results} results
 */
export function markdownReport(results) {
  const [speed, database] = [speedTable(results.rows), databaseTable(results.rows)]
  return [
    settingOf(results)
      .map((line) => `- ${line}`)
      .join('\n'),
    markdownTable(speed.head, speed.body, 2),
    'What one request makes PostgreSQL do:',
    markdownTable(database.head, database.body, 2),
    markdownTable(memoryColumns, memoryCells(results), 1),
    ...startOf(results),
    markdownTable(
      ['bar', 'measured', ''],
      results.bars.map(({ bar, measured, met }) => [bar, figure(measured), met ? 'met' : 'not met']),
      1,
    ),
  ].join('\n\n')
}
