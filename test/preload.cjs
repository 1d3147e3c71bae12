// Required in each test's process before anything else, so that processes do not load what they seldom or never use.
const asyncHooks = require('node:async_hooks')
const { readFileSync } = require('node:fs')
/** @type {any} The types of Node 20 lack parts of it, and we write to it. */
const nodeModule = require('node:module')
const { dirname, join, resolve, sep } = require('node:path')
const { fileURLToPath } = require('node:url')

// tap records which files each process loads, to measure coverage, which we do not. The record would cost every test and every process
// that a test starts a quarter of a second: a loader (before Node 24.13 a thread that every module passes through), a hook on every CommonJS
// module, and a file at the end. tap starts no second record in a process that has one.
nodeModule.register = () => {}
if (nodeModule.registerHooks) nodeModule.registerHooks = () => ({ deregister: () => {} })
Reflect.set(globalThis, Symbol.for('@tapjs/processinfo.ProcessInfoNodeData'), { files: [], sources: {} })

// Source maps are read when a stack is looked at, not for each of 300 modules that are loaded.
process.setSourceMapsEnabled(false)
process.setSourceMapsEnabled = () => {}

const build = join(__dirname, '../build', sep)
const maps = new Map()

/**
 * The source map of a compiled file of ours; undefined for every other file.
 *
 * @param {string} path
 */
function findSourceMap(path) {
  const file = path.startsWith('file:') ? fileURLToPath(path) : path
  if (!file.startsWith(build)) return undefined
  if (!maps.has(file)) maps.set(file, readSourceMap(file))
  return maps.get(file)
}

/** @param {string} file */
function readSourceMap(file) {
  try {
    const payload = JSON.parse(readFileSync(`${file}.map`, 'utf8'))
    return new nodeModule.SourceMap({
      ...payload,
      sources: payload.sources.map((/** @type {string} */ source) => resolve(dirname(file), source)),
    })
  } catch {
    return undefined
  }
}

// tap follows every promise with hooks, to tell which test an unhandled error belongs to. That takes a twentieth of all time. Without
// the hooks, such an error ends the file, which then fails after the teardowns.
const inert = { enable: () => inert, disable: () => inert }
asyncHooks.createHook = () => inert

// tap needs these to show the line of a failed assertion.
nodeModule.findSourceMap = findSourceMap
nodeModule.syncBuiltinESMExports()

// Stacks of thrown errors also show the lines of the sources.
Error.prepareStackTrace = (error, frames) =>
  [firstLine(error), ...frames.map((frame) => `    at ${inSource(frame)}`)].join('\n')

/** @param {unknown} error */
function firstLine(error) {
  try {
    return String(error)
  } catch {
    return 'Error'
  }
}

/** @param {NodeJS.CallSite} frame */
function inSource(frame) {
  const file = frame.getFileName()
  const text = String(frame)
  const { originalSource, originalLine, originalColumn } =
    (file && findSourceMap(file)?.findEntry((frame.getLineNumber() ?? 1) - 1, (frame.getColumnNumber() ?? 1) - 1)) || {}
  if (originalSource === undefined) return text
  const position = `${originalSource}:${originalLine + 1}:${originalColumn + 1}`
  return text.endsWith(')') ? text.replace(/\([^()]*\)$/, `(${position})`) : position
}
