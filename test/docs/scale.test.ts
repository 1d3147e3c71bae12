// Own process: it simulates for some seconds.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { packageFolder } from '../../src/platform/config/installation-folder.ts'
import { features, filesWith } from './database-features.ts'
import { partOf, scaleDocumentation, scaleFiles } from './generated.ts'

const page = readFileSync(scaleFiles.page, 'utf8')

t.test('scale.md and its chart match the simulation and the statements; otherwise run npm run docs', async (t) => {
  const { parts, chart } = await scaleDocumentation()
  for (const [part, content] of Object.entries(parts)) t.equal(partOf(scaleFiles.page, part), content, part)
  t.equal(readFileSync(scaleFiles.chart, 'utf8'), chart)
})

/** The first cells of the rows of the table with these columns. */
function firstCells(head: string): string[] {
  const [, table = ''] = page.split(`${head}\n`)
  const rows = table.split('\n\n')[0]?.split('\n').slice(1) ?? []
  return rows.map((row) => row.split('|')[1]?.trim() ?? '')
}

t.test('each feature that some statement uses has its row about Citus and YugabyteDB, and no other has', async (t) => {
  const used = features.filter((feature) => filesWith(feature).length > 0).map(({ name }) => name)
  t.ok(used.length >= 20)
  t.same(firstCells('| feature | on Citus | on YugabyteDB | the way around |').sort(), used.sort())
})

t.test('each table is distributed, copied or local in the proposal for Citus, and in one way only', async (t) => {
  const { 1: proposal = '' } = page.split('| tables | on Citus | by |\n')
  const named = (proposal.split('\n\n')[0] ?? '')
    .split('\n')
    .slice(1)
    .flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`(\w+)`/g)].map(([, table]) => table))
  const folder = join(packageFolder, 'sql')
  const created = readdirSync(folder)
    .filter((file) => file.endsWith('.sql'))
    .flatMap((file) => [...readFileSync(join(folder, file), 'utf8').matchAll(/^CREATE TABLE (\w+)/gm)])
    .map(([, table]) => table)
  t.ok(created.length > 40)
  t.same(named.sort(), created.sort())
})
