#!/usr/bin/env node
import { run } from './cli/program.ts'
import { installationFolder } from './platform/config/installation-folder.ts'

// The first signal asks for an orderly end, the second one does not ask.
const asked = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => (asked.signal.aborted ? process.exit(1) : asked.abort()))

// Whoever reads may have enough (`signet clients list | head -1`): that is no failure, and nothing to tell. Any other fault
// (a full disk) means that what was to be told is lost.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', ({ code }: NodeJS.ErrnoException) => code !== 'EPIPE' && process.exit(1))

process.exitCode = await run(process.argv.slice(2), {
  environment: process.env,
  folder: installationFolder(),
  // Opened by the few commands that read it.
  get input() {
    return process.stdin
  },
  writeOut: (text) => process.stdout.write(text),
  writeError: (text) => process.stderr.write(text),
  asked: asked.signal,
})
