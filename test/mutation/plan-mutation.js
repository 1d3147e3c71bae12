import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { mutations } from './mutations.js'

/** @typedef {import('./mutations.js').Mutation} Mutation */

const root = resolve(import.meta.dirname, '../..')

const compiled = ['build/src', 'build/test', 'dist/verify', 'dist/local-postgres', 'sql'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file)),
)

/**
 * The only file whose path ends like this. Files move, but the ends of their paths seldom change.
 *
 * @param {string} end
 */
function fileCalled(end) {
  const found = compiled.filter((file) => file.endsWith(`/${end}`))
  if (found.length === 1) return String(found[0])
  throw new Error(`${found.length} files end with ${end}: ${found.join(', ')}`)
}

/**
 * Where a fault is planted, and the test files that must detect it. Paths are relative to the repository, which has been built.
 *
 * @param {Mutation} mutation
 * @throws Error if its text is not found exactly once, or a file is missing
 */
export function planOf(mutation) {
  const { name, file, find, replace, tests } = mutation
  const path = fileCalled(file.endsWith('.sql') ? file : `${file}.js`)
  const text = readFileSync(join(root, path), 'utf8')
  const times = text.split(find).length - 1
  if (times !== 1) throw new Error(`its text is found ${times} times in ${path}`)
  if (mutations.filter((other) => other.name === name).length > 1) throw new Error('another one has the same name')
  return { mutation, path, mutated: text.replace(find, () => replace), tests: tests.map(testFile) }
}

/** @param {string} name */
const testFile = (name) => fileCalled(`test/${name}.test.js`)
