import { relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import tap, { type Test } from 'tap'
import { packageFolder } from '../../src/platform/config/installation-folder.ts'

let atEnd: (work: () => unknown) => void = (work) => tap.teardown(work)

/** Registers what to do when all files of the process are done: `work` serves them all, whichever file asks first. */
export function teardownProcess(work: () => unknown): void {
  atEnd(work)
}

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
  // tap replaces the method at its first call.
  tap.teardown(() => {})
  const [test, after] = [tap.test.bind(tap), tap.after.bind(tap)]
  atEnd = after
  let current: Test | undefined
  // A getter, so that the report of a failure names the line in the file.
  for (const name of registering)
    Object.defineProperty(tap, name, { get: () => Reflect.get(current as Test, name).bind(current) })
  for (const file of files)
    await test(relative(packageFolder, file), async (t) => {
      current = t
      await import(pathToFileURL(file).href)
    })
}
