import { Readable } from 'node:stream'
import type { Terminal } from '../../src/cli/terminal.ts'

/** For reading the command definitions without running any. */
export const unusedTerminal: Terminal = {
  environment: {},
  folder: '/',
  input: Readable.from([]),
  writeOut: () => {},
  writeError: () => {},
  stopSignal: new AbortController().signal,
  linger: async () => {},
}
