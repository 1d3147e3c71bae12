import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { chart } from './chart.js'
import { markdownReport } from './report.js'

const begin = '<!-- made by npm run bench (docs): -->'
const end = '<!-- :made by npm run bench (docs) -->'

/**
 * Inserts a report between the markers of a page.
 *
 * @param {string} page
 * @param {string} report
 * @throws {Error} if the markers are missing
 */
export function withReport(page, report) {
  const [from, to] = [page.indexOf(begin), page.indexOf(end)]
  if (from === -1 || to < from) throw new Error('The page has no place for the results.')
  return `${page.slice(0, from + begin.length)}\n${report}\n${page.slice(to)}`
}

/** Updates docs/speed.md, its chart, and the figures for docs/scale.md. @param {import('./results.js').Results} results */
export function writeDocumentation(results) {
  const docs = join(import.meta.dirname, '../docs')
  const page = join(docs, 'speed.md')
  writeFileSync(page, withReport(readFileSync(page, 'utf8'), markdownReport(results)))
  writeFileSync(join(docs, 'images/bench.svg'), chart(results.rows))
  writeFileSync(join(import.meta.dirname, 'results.json'), `${JSON.stringify(results, rounded, 2)}\n`)
}

/** Four significant figures are more than can be measured. @param {string} _ @param {unknown} value */
const rounded = (_, value) => (typeof value === 'number' ? Number(value.toPrecision(4)) : value)
