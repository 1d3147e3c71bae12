import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { cp, mkdir, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { closeChromium } from './chromium.js'
import { interrupted, OutOfTime, runProgram } from './commands.js'
import { startSignet, withoutSignet } from './signet.js'
import { NotInstalled, runTrial } from './trial.js'
import { folder, missingTools, readTrials } from './trials.js'

// Signs in to Signet with client libraries and applications that people use, each in its own documented sample, and prints what worked.
//
//   npm run clients -- [names or languages] [--minutes 8] [--write]
//
// --write records the result in docs/clients/matrix.json. Without it, the run fails if a client does less than that file says. What cannot
// be tried (a missing tool, a failed download, no time left) is skipped and named.

/** @typedef {import('./trials.js').Trial} Trial */

/**
 * @typedef {object} Row
 * @property {string} client the folder's name
 * @property {string} title
 * @property {string} language
 * @property {string} version
 * @property {string} recipe name of its page in docs/clients, without `.md`
 * @property {string} [setting]
 * @property {string} [notTried] why
 * @property {Record<string, string>} steps
 */

const matrixFile = fileURLToPath(new URL('../../docs/clients/matrix.json', import.meta.url))

const { values: options, positionals: names } = parseArgs({
  allowPositionals: true,
  options: {
    minutes: { type: 'string', default: '120' },
    write: { type: 'boolean', default: false },
    cache: { type: 'string', default: join(homedir(), '.cache', 'signet-clients') },
  },
})
const cache = resolve(options.cache)
const minutes = Number(options.minutes)
// Timers of Node count milliseconds in 31 bits.
if (options.minutes.trim() === '' || !(minutes >= 0 && minutes <= 24 * 60)) {
  process.stderr.write(`--minutes must be a number from 0 to ${24 * 60}, not '${options.minutes}'.\n`)
  process.exit(2)
}
const deadline = Date.now() + minutes * 60_000

const all = readTrials()
const unknown = names.filter((name) => !all.some((trial) => isNamed(trial, name)))
if (unknown.length > 0) {
  process.stderr.write(
    `There is no such client: ${unknown.join(', ')}. There are: ${all.map(({ name }) => name).join(', ')}\n`,
  )
  process.exit(2)
}
const chosen = names.length === 0 ? all : all.filter((trial) => names.some((name) => isNamed(trial, name)))

const before = readMatrix()
/** @type {Row[]} */
const rows = []
/** @type {string[]} */
const skipped = []
/** @type {string[]} */
const worse = []
/** @type {Promise<void> | undefined} the packages of all JavaScript trials. If they cannot be installed, none of them tries again. */
let installed

/** @type {Awaited<ReturnType<typeof startSignet>>} */
let signet
try {
  signet = await startSignet(deadline)
} catch (error) {
  if (!(error instanceof OutOfTime)) throw error
  process.stdout.write(`Skipped: ${error.message}\n`)
  process.exit()
}
try {
  for (const trial of chosen) if (!interrupted.aborted) await tryOne(trial)
} finally {
  await closeChromium()
  await signet.stop()
}
printMatrix()
if (options.write && !interrupted.aborted) writeMatrix()
if (worse.length > 0) {
  process.stdout.write(`\nWorse than docs/clients/matrix.json says:\n${worse.map((line) => `  ${line}\n`).join('')}`)
  process.exitCode = 1
}

/** @param {Trial} trial */
async function tryOne(trial) {
  const row = {
    client: trial.name,
    title: trial.title,
    language: trial.language,
    version: trial.version,
    recipe: trial.recipe ?? trial.name,
    ...(trial.setting && { setting: trial.setting }),
  }
  const skip = (/** @type {string} */ why) => skipped.push(`${trial.title}: ${why}`)
  if (trial.notTried) {
    skip(trial.notTried)
    rows.push({ ...row, notTried: trial.notTried, steps: {} })
    return
  }
  const missing = missingTools(trial)
  if (missing.length > 0) return skip(`needs ${missing.join(', ')}`)
  if (Date.now() >= deadline) return skip('no time left')
  const began = Date.now()
  process.stdout.write(`${trial.title} ${trial.version} … `)
  try {
    if (trial.language === 'javascript') {
      installed ??= installPackages()
      await installed
    }
    const steps = await runTrial(trial, signet, { cache, deadline })
    rows.push({ ...row, steps })
    process.stdout.write(
      `${Object.entries(steps)
        .map(([step, result]) => `${step}: ${result}`)
        .join('; ')}`,
    )
    const expected = before.find(({ client, language }) => client === trial.name && language === trial.language)?.steps
    for (const [step, result] of Object.entries(steps))
      if (result !== 'yes' && (expected === undefined || expected[step] === 'yes'))
        worse.push(`${trial.title}, ${step}: ${result}`)
  } catch (error) {
    const why = firstLine(error)
    process.stderr.write(`\n${/** @type {Error} */ (error).message}\n`)
    if (error instanceof OutOfTime || error instanceof NotInstalled) {
      process.stdout.write('skipped')
      skip(why)
    } else {
      process.stdout.write(why)
      rows.push({ ...row, steps: { 'sign in': why } })
      worse.push(`${trial.title}: ${why}`)
    }
  }
  process.stdout.write(` (${Math.round((Date.now() - began) / 1000)} s)\n`)
}

/** Installs the npm packages of all JavaScript trials once, above the folders in which they run. */
async function installPackages() {
  const files = ['package.json', 'package-lock.json']
  const lock = createHash('sha256')
    .update(readFileSync(join(folder, 'package-lock.json')))
    .digest('hex')
  const stamp = join(cache, 'installed')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return
  await mkdir(cache, { recursive: true })
  for (const file of files) await cp(join(folder, file), join(cache, file))
  await runProgram(['npm', 'ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: cache,
    env: withoutSignet(process.env),
    deadline,
  }).catch((error) => {
    throw error instanceof OutOfTime ? error : new NotInstalled(error.message)
  })
  await writeFile(stamp, lock)
}

function printMatrix() {
  const steps = [...new Set(rows.flatMap((row) => Object.keys(row.steps)))]
  const width = Math.max(10, ...rows.map(({ title, version }) => `${title} ${version}`.length))
  const cell = (/** @type {string | undefined} */ result) =>
    result === undefined ? '-' : result === 'yes' ? 'yes' : 'NO'
  process.stdout.write(`\n${'client'.padEnd(width)}  ${steps.join('  ')}\n`)
  for (const row of rows)
    if (row.notTried === undefined)
      process.stdout.write(
        `${`${row.title} ${row.version}`.padEnd(width)}  ${steps.map((step) => cell(row.steps[step]).padEnd(step.length)).join('  ')}\n`,
      )
  if (skipped.length > 0) process.stdout.write(`\nSkipped:\n${skipped.map((line) => `  ${line}\n`).join('')}`)
}

/** Replaces the rows of what was tried, and leaves the others. */
function writeMatrix() {
  const tried = (/** @type {Row} */ row) =>
    rows.some(({ client, language }) => client === row.client && language === row.language)
  const exists = (/** @type {Row} */ row) =>
    all.some(({ name, language }) => name === row.client && language === row.language)
  const merged = [...before.filter((row) => exists(row) && !tried(row)), ...rows].sort(
    (a, b) => a.language.localeCompare(b.language) || a.title.localeCompare(b.title),
  )
  writeFileSync(matrixFile, `${JSON.stringify(merged, null, 2)}\n`)
}

/** @returns {Row[]} */
function readMatrix() {
  return existsSync(matrixFile) ? JSON.parse(readFileSync(matrixFile, 'utf8')) : []
}

/**
 * @param {Trial} trial
 * @param {string} name
 */
function isNamed(trial, name) {
  return name === trial.name || name === trial.language || name === `${trial.language}/${trial.name}`
}

/** @param {unknown} error */
function firstLine(error) {
  return /** @type {Error} */ (error).message.split('\n')[0] ?? ''
}
