#!/usr/bin/env node
import { run } from './cli/commands.ts'
import { installationFolder } from './platform/config/installation-folder.ts'

// The first signal asks for an orderly end, the next one ends a delay before it, and where there is none (any more) does not ask. One
// Ctrl-C can arrive twice, from the terminal and from npm, which passes it on: what comes within a second is one.
const asked = new AbortController()
let lastAsked = Number.NEGATIVE_INFINITY
let endDelay: (() => void) | undefined
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => {
    if (performance.now() - lastAsked <= 1_000) return
    lastAsked = performance.now()
    if (!asked.signal.aborted) asked.abort()
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

// Whoever reads may have enough (`signet clients list | head -1`): that is no failure, nothing to tell, and an end to what goes on
// (`signet events list --follow | grep -m1 signed_in`). Any other fault (a full disk) means that what was to be told is lost.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', ({ code }: NodeJS.ErrnoException) => (code === 'EPIPE' ? asked.abort() : process.exit(1)))

process.exitCode = await run(process.argv.slice(2), {
  environment: process.env,
  folder: installationFolder(),
  // Opened by the few commands that read it.
  get input() {
    return process.stdin
  },
  writeOut: (text) => process.stdout.write(text),
  writeError: (text) => process.stderr.write(text),
  errorIsTTY: process.stderr.isTTY,
  asked: asked.signal,
  linger,
})
