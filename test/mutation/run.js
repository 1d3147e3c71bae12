// npm run mutate [-- part of a name]: plants each fault of mutations.js in a copy of the compiled sources, and runs the tests that must
// detect it. It fails if a fault survives without an explanation, if one is detected although an explanation says that it survives, or if
// its text is not found exactly once.
import { spawn } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { mutations } from './mutations.js'
import { planOf } from './plan-mutation.js'

/** @typedef {import('./mutations.js').Mutation} Mutation */

const root = resolve(import.meta.dirname, '../..')
/** Milliseconds for one test file. One that hangs has detected the fault. */
const longest = 300_000
/** Folders in which faults are planted: copied for each worker. Everything else in the repository is linked. */
const copied = ['build', 'dist', 'sql']

const wanted = process.argv.slice(2)
const chosen = mutations.filter(({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)))
const began = performance.now()

/** A copy of the repository in which files can be changed. */
function makeWorker() {
  const folder = mkdtempSync(join(parent, 'worker-'))
  for (const name of readdirSync(root)) {
    if (copied.includes(name)) cpSync(join(root, name), join(folder, name), { recursive: true })
    else if (!['.git', '.signet', '.tap', '.env'].includes(name)) symlinkSync(join(root, name), join(folder, name))
  }
  return folder
}

/**
 * Runs a test file.
 *
 * @param {string} folder
 * @param {string} file
 * @returns {Promise<{ passed: boolean, output: string }>}
 */
function runTest(folder, file) {
  return new Promise((done) => {
    const child = spawn(process.execPath, ['--require=./test/preload.cjs', file], {
      cwd: folder,
      detached: true, // in its own process group, so that everything it started can be ended with it
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, TAP_BAIL: '1', TAP_TIMEOUT: String(longest / 1000) },
    })
    running.add(child)
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (/** @type {string} */ chunk) => {
        output = (output + chunk).slice(-8_000)
      })
    const timer = setTimeout(() => kill(child), longest)
    child.on('close', (code) => {
      clearTimeout(timer)
      running.delete(child)
      done({ passed: code === 0, output })
    })
  })
}

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set()

/** @param {import('node:child_process').ChildProcess} child */
function kill(child) {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
  } catch {
    // It has exited.
  }
}

/**
 * Hands out the items to one worker for each processor.
 *
 * @template T
 * @param {readonly T[]} items
 * @param {(folder: string, item: T) => Promise<void>} work
 */
async function share(items, work) {
  const left = [...items]
  await Promise.all(
    workers.map(async (folder) => {
      for (let item = left.shift(); item !== undefined; item = left.shift()) await work(folder, item)
    }),
  )
}

/** @type {string[]} */
const problems = []
/** @param {string} problem */
function reportProblem(problem) {
  problems.push(problem)
  console.log(problem)
}

const plans = chosen.flatMap((mutation) => {
  try {
    return [planOf(mutation)]
  } catch (error) {
    reportProblem(`DOES NOT APPLY  ${mutation.name}: ${error instanceof Error ? error.message : error}`)
    return []
  }
})

// Programs that tests start as another user must be able to read it.
const parent = mkdtempSync(join(tmpdir(), 'signet-mutation-'))
mkdirSync(parent, { recursive: true, mode: 0o755 })
process.on('exit', () => {
  for (const child of running) kill(child)
  rmSync(parent, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
})
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130))
cpSync(join(root, 'package.json'), join(parent, 'package.json'))
const workers = Array.from({ length: Math.min(availableParallelism(), Math.max(plans.length, 1)) }, makeWorker)

// A test that fails anyway would detect everything.
const all = [...new Set(plans.flatMap(({ tests }) => tests))]
console.log(`${plans.length} mutations. First, the ${all.length} test files run without any.`)
/** @type {Set<string>} */
const broken = new Set()
await share(all, async (folder, file) => {
  const { passed, output } = await runTest(folder, file)
  if (passed) return
  broken.add(file)
  reportProblem(`FAILS WITHOUT   ${file}\n${output}`)
})

const outcomes = { detected: 0, survived: 0, explained: 0 }
await share(plans, async (folder, { mutation, path, mutated, tests }) => {
  const { name, survives, keysAreSealed } = mutation
  if (tests.some((file) => broken.has(file))) return
  const original = readFileSync(join(folder, path))
  const program = path.replace(/^build\/src\//, 'dist/')
  const forgetKeys = () => {
    if (!keysAreSealed) return
    // test/support/signing-keys.ts keeps them there.
    const kept = join(folder, '.signet/test')
    for (const file of existsSync(kept) ? readdirSync(kept) : [])
      if (file.startsWith('signing-keys')) rmSync(join(kept, file))
  }
  forgetKeys()
  writeFileSync(join(folder, path), mutated)
  if (program !== path) writeFileSync(join(folder, program), mutated)
  let detectedBy
  for (const file of tests) {
    if ((await runTest(folder, file)).passed) continue
    detectedBy = file
    break
  }
  forgetKeys()
  writeFileSync(join(folder, path), original)
  if (program !== path) writeFileSync(join(folder, program), original)
  if (detectedBy !== undefined && survives === undefined) {
    outcomes.detected++
    console.log(`detected        ${name} (${detectedBy})`)
  } else if (detectedBy !== undefined)
    reportProblem(`NO LONGER SURVIVES  ${name}: remove the explanation (${detectedBy})`)
  else if (survives !== undefined) {
    outcomes.explained++
    console.log(`explained       ${name}: ${survives}`)
  } else {
    outcomes.survived++
    reportProblem(`SURVIVED        ${name} (${path}; ${tests.join(', ')})`)
  }
})

const minutes = ((performance.now() - began) / 60_000).toFixed(1)
console.log(
  `${outcomes.detected} detected, ${outcomes.explained} survive for a reason, ${outcomes.survived} survived, ` +
    `${problems.length} problems, in ${minutes} minutes.`,
)
process.exitCode = problems.length > 0 || plans.length === 0 ? 1 : 0
