import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * What one request costs. Of a flow, all its requests together.
 *
 * @typedef {object} RequestCost
 * @property {number} signet microseconds of processor time of Signet
 * @property {number} hash the part of it that checks a password, on a thread of its own
 * @property {number} postgresql microseconds of processor time of PostgreSQL
 * @property {number} statements one after the other, each of them a round trip
 * @property {number} commits transactions that change something
 * @property {number} wal bytes of the write-ahead log
 */

/** @typedef {Map<string, RequestCost>} Costs by scenario of the bench */

/**
 * @typedef {object} Stored
 * @property {Record<string, string | number>} setting
 * @property {number} hash microseconds of processor time for one password
 * @property {Record<string, number>} rows bytes of a row on disk with its part of the indexes, by table
 */

/** What rows.js has measured. @returns {Stored} */
export const readStored = () => read('rows.json')

/** What the bench has measured (`npm run bench -- --docs`). @returns {{ rows: readonly MeasuredRow[] }} */
export const readResults = () => read('../results.json')

/** @param {string} file */
function read(file) {
  return JSON.parse(readFileSync(join(import.meta.dirname, file), 'utf8'))
}

/**
 * The members of a row of the bench's results that are used here.
 *
 * @typedef {object} MeasuredRow
 * @property {string} scenario
 * @property {string} server
 * @property {number | undefined} [cpu]
 * @property {number | undefined} [postgresCpu]
 * @property {number | undefined} [statements]
 * @property {number | undefined} [commits]
 * @property {number | undefined} [walBytes]
 */

/**
 * @param {{ rows: readonly MeasuredRow[] }} results of the bench
 * @param {Pick<Stored, 'hash'>} stored
 * @returns {Costs}
 */
export function costsOf({ rows }, { hash }) {
  const names = [...new Set(rows.map(({ scenario }) => scenario))]
  return new Map(
    names.flatMap((scenario) => {
      const row = rowOf(rows, scenario)
      if (row?.cpu === undefined) return []
      const { cpu, postgresCpu = 0, statements = 0, commits = 0, walBytes = 0 } = row
      const cost = {
        ...{ signet: cpu, hash: scenario === 'sign-in' ? Math.min(hash, cpu) : 0, postgresql: postgresCpu },
        ...{ statements: Math.round(statements), commits: Math.round(commits), wal: walBytes },
      }
      return [/** @type {const} */ ([scenario, cost])]
    }),
  )
}

/**
 * Of Signet with a PostgreSQL that is reached by TCP, as on another machine, if that was measured.
 *
 * @param {readonly MeasuredRow[]} rows
 * @param {string} scenario
 */
function rowOf(rows, scenario) {
  const own = rows.filter((row) => row.scenario === scenario)
  return own.find(({ server }) => server === 'Signet, external') ?? own.find(({ server }) => server === 'Signet')
}
