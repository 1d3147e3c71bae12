import { readSettings, type Settings } from '../platform/config/settings.ts'
import type { Log } from '../platform/log.ts'
import type { Signet } from '../signet.ts'
import { CommandFailed } from './failures.ts'
import type { Terminal } from './terminal.ts'

/**
 * Does a command's work on everything that a start brings up, beside a running server or without one, and lets go of it.
 *
 * Who asks for the end (Ctrl-C) before the work has begun gets it undone; once it has begun it comes to its end, which takes
 * moments: a change is never made without its answer being printed, for the answer may hold a secret that is shown once.
 *
 * @throws what `start` and `work` throw; CommandFailed when the person asked for the end in time
 */
export async function withSignet<T>(terminal: Terminal, work: (signet: Signet) => Promise<T>): Promise<T> {
  const settings = readSettings(terminal.environment, terminal.folder)
  // Loaded here and not above: `signet version` and a slip of the pen need no database driver.
  const { start } = await import('../start.ts')
  const { signet, stop } = await start(settings, await quietLog(settings))
  try {
    stopIfAsked(terminal)
    return await work(signet)
  } finally {
    await stop()
  }
}

/** A log for commands: warnings and errors, unless the settings want less. */
export async function quietLog({ logLevel }: Pick<Settings, 'logLevel'>): Promise<Log> {
  const { createLog } = await import('../platform/log.ts')
  return createLog({
    logLevel: logLevel === 'silent' || logLevel === 'fatal' || logLevel === 'error' ? logLevel : 'warn',
  })
}

/** @throws CommandFailed when the person has asked for the end */
export function stopIfAsked({ asked }: Pick<Terminal, 'asked'>): void {
  if (asked.aborted) throw new CommandFailed('Interrupted; nothing was changed.')
}
