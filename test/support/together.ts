import { relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import tap, { type Test } from 'tap'
import { packageFolder } from '../../src/platform/config/installation-folder.ts'

/** Registers what to do at the end of the process, whichever file asks first: it serves all files of the process. */
export const teardownProcess = tap.teardown.bind(tap)

/** What a test file calls outside its tests. */
const registering = [
  'test',
  'teardown',
  'before',
  'beforeEach',
  'after',
  'afterEach',
  'setTimeout',
  'intercept',
] as const

/**
 * Runs test files in one process, one after the other, each as a subtest: most of what a small file costs is the start of its process. A file
 * registers its tests at the root test of tap, as it does when it runs alone; here they become part of the file's subtest.
 *
 * @param files absolute paths
 */
export async function runTogether(files: readonly string[]): Promise<void> {
  const test = tap.test.bind(tap)
  let current: Test | undefined
  for (const name of registering)
    Object.defineProperty(tap, name, {
      // A getter, so that the report of a failure names the line in the file.
      get: () => Reflect.get(current as Test, name).bind(current),
      // tap replaces some of its own methods.
      set: () => {},
    })
  for (const file of files)
    await test(relative(packageFolder, file), async (t) => {
      current = t
      await import(pathToFileURL(file).href)
    })
}
