import { readSettings, type Settings } from '../platform/config/settings.ts'
import type { LockWait } from '../platform/database/locked-transaction.ts'
import type { Log } from '../platform/log.ts'
import type { Report } from '../platform/progress.ts'
import type { Signet } from '../signet.ts'
import { CommandFailed, ifInterrupted } from './failures.ts'
import type { Terminal } from './terminal.ts'

/**
 * Does a command's work on everything that a start brings up, beside a running server or without one, and releases it.
 *
 * If the person asks for the end (Ctrl-C) before the work has begun, or while it waits for another node, the command ends at once
 * and has changed nothing. Otherwise the work is completed, which takes moments: a change is never made without its answer being
 * printed, for the answer may hold a secret that is shown once.
 *
 * @param work receives what the start has brought up, and how to wait for locks of other nodes
 * @throws what `start` and `work` throw; CommandFailed when the person asked for the end in time
 */
export async function withSignet<T>(
  terminal: Terminal,
  work: (signet: Signet, wait: LockWait) => Promise<T>,
): Promise<T> {
  const settings = readSettings(terminal.environment, terminal.folder)
  // Loaded here and not above: `signet version` and a slip of the pen need no database driver.
  const { start } = await import('../start.ts')
  const wait = { signal: terminal.asked, timeoutMs: Number.POSITIVE_INFINITY, report: reportTo(terminal, settings) }
  const options = { signal: wait.signal, report: wait.report, isCommand: true }
  const { signet, stop } = await start(settings, await quietLog(settings), options).catch(ifInterrupted(unchanged))
  try {
    stopIfAsked(terminal)
    return await work(signet, wait).catch(ifInterrupted(unchanged))
  } finally {
    await stop()
  }
}

const unchanged = 'Interrupted; nothing was changed.'

/** Tells the person what takes long, on standard error, unless the settings ask for warnings and errors only. */
export function reportTo({ writeError }: Terminal, { logLevel }: Pick<Settings, 'logLevel'>): Report {
  const isWanted = logLevel === 'info' || logLevel === 'debug' || logLevel === 'trace'
  return (sentence) => isWanted && writeError(`signet: ${sentence}\n`)
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
  if (asked.aborted) throw new CommandFailed(unchanged)
}
