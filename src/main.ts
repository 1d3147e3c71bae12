#!/usr/bin/env node
import { run } from './cli/commands.ts'
import { installationFolder } from './platform/config/installation-folder.ts'

// The first signal starts an orderly shutdown. The next one ends the shutdown delay or, if there is no delay (left), exits immediately. One
// Ctrl-C can arrive twice, from the terminal and from npm, which passes it on, so signals within a second count as one.
const stop = new AbortController()
let lastSignal = Number.NEGATIVE_INFINITY
let endDelay: (() => void) | undefined
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => {
    if (performance.now() - lastSignal <= 1_000) return
    lastSignal = performance.now()
    if (!stop.signal.aborted) stop.abort()
    else if (endDelay) endDelay()
    else process.exit(1)
  })

function linger(milliseconds: number): Promise<void> {
  return new Promise<void>((resolve) => {
    const delay = setTimeout(resolve, milliseconds)
    endDelay = () => {
      clearTimeout(delay)
      resolve()
    }
  }).finally(() => {
    endDelay = undefined
  })
}

// The reader may close the pipe (`signet clients list | head -1`). This is not a failure, but it stops a command that is still running
// (`signet events list --follow | grep -m1 signed_in`). Any other error, such as a full disk, means that output was lost.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', ({ code }: NodeJS.ErrnoException) => (code === 'EPIPE' ? stop.abort() : process.exit(1)))

process.exitCode = await run(process.argv.slice(2), {
  environment: process.env,
  folder: installationFolder(),
  // A getter, because only a few commands read it.
  get input() {
    return process.stdin
  },
  writeOut: (text) => process.stdout.write(text),
  writeError: (text) => process.stderr.write(text),
  errorIsTTY: process.stderr.isTTY,
  stopSignal: stop.signal,
  linger,
})
