import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { packageFolder } from '../../src/platform/config/installation-folder.ts'

/** A module that is not compiled. */
const sourceOf = (name: string) => pathToFileURL(join(packageFolder, 'test/mutation', name)).href

t.test('every fault of `npm run mutate` can still be planted, and its tests exist', async (t) => {
  const { mutations }: typeof import('./mutations.js') = await import(sourceOf('mutations.js'))
  const { planOf }: typeof import('./plan-mutation.js') = await import(sourceOf('plan-mutation.js'))
  t.ok(mutations.length > 100)
  for (const mutation of mutations) t.doesNotThrow(() => planOf(mutation), mutation.name)
})
