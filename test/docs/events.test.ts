import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { packageFolder } from '../../src/platform/config/installation-folder.ts'
import { eventTypes } from '../../src/records/events/events-store.ts'

const page = readFileSync(join(packageFolder, 'docs/events.md'), 'utf8')
const table = page.split('\n').filter((line) => line.startsWith('| ') && line.includes('`'))

t.test('the page names every event type once, and no other', async (t) => {
  const named = table.flatMap((line) => [...line.matchAll(/`([a-z_]+)`/g)].map(([, type]) => type))
  t.same([...named].sort(), [...eventTypes].sort())
})
