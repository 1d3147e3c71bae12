import type { Installation } from '../installation.ts'
import type { InstallationKeys, InstallationSecrets, SecretView } from '../installation-keys.ts'
import type { KeyView } from '../key-ring/key-snapshot.ts'
import { dotEnvSource } from '../platform/config/setting-sources.ts'
import { readSettings, type Settings } from '../platform/config/settings.ts'
import type { LockWait } from '../platform/database/locked-transaction.ts'
import type { Log } from '../platform/log.ts'
import type { Report } from '../platform/progress.ts'
import { CommandFailed, ifInterrupted } from './command-failures.ts'
import type { Terminal } from './terminal.ts'

/**
 * Opens the installation that the settings name, runs a command's work on it, and closes it, with or without a running server. It
 * never creates or migrates an installation; only `serve` and `migrate` do. For read-only commands: `work` must not change anything. If
 * SIGNET_ISSUER is not the recorded issuer, standard error says so.
 *
 * @throws NoInstallation, what `openInstallation` and `work` throw; CommandFailed if it was interrupted before the work began
 */
export async function reading<T>(terminal: Terminal, work: (installation: Installation) => Promise<T>): Promise<T> {
  return withInstallation(terminal, work, (recorded, { issuer }) =>
    terminal.writeError(
      `signet: This database belongs to the issuer ${recorded}, but SIGNET_ISSUER is ${issuer}. Check that it is the right database.\n`,
    ),
  )
}

/**
 * The same for commands that change something. If the installation belongs to an issuer other than SIGNET_ISSUER, it is refused.
 *
 * On Ctrl-C before the work has begun, or while it waits for another node, the command stops immediately and has changed nothing.
 * Otherwise the work is completed, which takes moments. A change is never made without printing the result, because the result may
 * contain a secret that is shown only once.
 *
 * @param work receives the installation, and the options for waiting for locks of other nodes
 * @throws as `reading` does; IssuerMismatch
 */
export async function changing<T>(
  terminal: Terminal,
  work: (installation: Installation, wait: LockWait) => Promise<T>,
): Promise<T> {
  const { IssuerMismatch } = await import('../set-up.ts')
  return withInstallation(terminal, work, (recorded, { issuer, databaseSchema }) => {
    throw new IssuerMismatch(recorded, issuer, databaseSchema)
  })
}

/** `reading` for commands that read the signing keys. */
export async function readingKeys<T>(
  terminal: Terminal,
  work: (keys: KeyView, installation: Installation) => Promise<T>,
): Promise<T> {
  const { readKeys } = await import('../installation-keys.ts')
  return reading(terminal, async (installation) => work(await readKeys(installation), installation))
}

/** `changing` for commands that change signing keys. Scheduled decisions that are due are made before `work` begins. */
export async function changingKeys<T>(
  terminal: Terminal,
  work: (keys: InstallationKeys, installation: Installation, wait: LockWait) => Promise<T>,
): Promise<T> {
  const { openKeys } = await import('../installation-keys.ts')
  return changing(terminal, async (installation, wait) => {
    const keys = await openKeys(installation, wait)
    try {
      stopIfInterrupted(terminal)
      return await work(keys, installation, wait)
    } finally {
      keys.keyRing.stop()
    }
  })
}

/** `reading` for commands that read the purpose secrets. */
export async function readingSecrets<T>(terminal: Terminal, work: (secrets: SecretView) => T): Promise<T> {
  const { readSecrets } = await import('../installation-keys.ts')
  return reading(terminal, async (installation) => work(await readSecrets(installation)))
}

/** `changing` for commands that change purpose secrets. */
export async function changingSecrets<T>(
  terminal: Terminal,
  work: (secrets: InstallationSecrets, installation: Installation, wait: LockWait) => Promise<T>,
): Promise<T> {
  return changing(terminal, (installation, wait) =>
    withSecrets(terminal, installation, wait, (opened) => work(opened, installation, wait)),
  )
}

/** Opens the purpose secrets for a part of the work of a command that changes something. */
export async function withSecrets<T>(
  terminal: Terminal,
  installation: Installation,
  wait: LockWait,
  work: (opened: InstallationSecrets) => Promise<T>,
): Promise<T> {
  const { openSecrets } = await import('../installation-keys.ts')
  const opened = await openSecrets(installation, wait)
  try {
    stopIfInterrupted(terminal)
    return await work(opened)
  } finally {
    opened.secrets.stop()
  }
}

/**
 * Opens what an operation needs that tells a person by mail what it has done: mails wait sealed until a server sends them. If this installation sends
 * no mail, or no server has ever been started on it, the work is done anyway, without the master key, and nobody is told.
 *
 * @param isNeeded whether there may be somebody to tell; otherwise the master key is not needed either
 */
export async function withMail<T>(
  terminal: Terminal,
  installation: Installation,
  wait: LockWait,
  isNeeded: boolean,
  work: (signet: Installation & InstallationSecrets) => Promise<T>,
): Promise<T> {
  const { canSealMail, withoutMail } = await import('../installation-keys.ts')
  if (!isNeeded || !(await canSealMail(installation))) return work(withoutMail(installation))
  return withSecrets(terminal, installation, wait, (opened) => work({ ...installation, ...opened }))
}

/**
 * Opens what an operation needs that creates a secret for a client: one that the client uses as a key is stored sealed. Other clients can be registered
 * without the master key, and before a server has been started.
 *
 * @param isNeeded whether the client may use its secret as a key
 */
export async function withSealing<T>(
  terminal: Terminal,
  installation: Installation,
  wait: LockWait,
  isNeeded: boolean,
  work: (registry: Installation & Partial<InstallationSecrets>) => Promise<T>,
): Promise<T> {
  if (!isNeeded) return work(installation)
  return withSecrets(terminal, installation, wait, (opened) => work({ ...installation, ...opened }))
}

async function withInstallation<T>(
  terminal: Terminal,
  work: (installation: Installation, wait: LockWait) => Promise<T>,
  onOtherIssuer: (recorded: string, settings: Settings) => void,
): Promise<T> {
  const settings = readSettings(terminal.environment, terminal.folder)
  // Loaded here and not above: `signet version` and wrong usage do not need the database driver.
  const { openInstallation } = await import('../installation.ts')
  const wait = {
    signal: terminal.stopSignal,
    timeoutMs: Number.POSITIVE_INFINITY,
    report: reportTo(terminal, settings),
  }
  const opened = await openInstallation(settings, await quietLog(settings), wait).catch(ifInterrupted(unchanged))
  const { installation, issuerOnRecord, close } = opened
  try {
    stopIfInterrupted(terminal)
    await reportDatabase(terminal, settings)
    if (issuerOnRecord !== undefined && issuerOnRecord !== settings.issuer) onOtherIssuer(issuerOnRecord, settings)
    return await work(installation, wait).catch(ifInterrupted(unchanged))
  } finally {
    await close()
  }
}

const unchanged = 'Interrupted; nothing was changed.'

/**
 * Names the database that a command works on, if the environment does not: it is the embedded one by default, or named in a `.env`
 * file. Only on a terminal, so that the output of scripts stays the same.
 */
export async function reportDatabase(terminal: Terminal, settings: Settings): Promise<void> {
  const { environment, folder, errorIsTTY } = terminal
  const source = dotEnvSource(environment, folder, ['SIGNET_DATABASE_URL', 'SIGNET_DATABASE_SCHEMA', 'SIGNET_DATA_DIR'])
  if (!errorIsTTY || (settings.databaseUrl !== undefined && source === undefined)) return
  const { databaseInWords } = await import('../installation.ts')
  const schema = settings.databaseSchema === 'signet' ? '' : `, schema ${settings.databaseSchema}`
  const file = source === undefined ? '' : ` (settings from ${source})`
  reportTo(terminal, settings)(`Using ${databaseInWords(settings)}${schema}${file}.`)
}

/** Reports slow steps on standard error, unless the settings ask for warnings and errors only. */
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

/** @throws CommandFailed if the command was interrupted */
export function stopIfInterrupted({ stopSignal }: Pick<Terminal, 'stopSignal'>): void {
  if (stopSignal.aborted) throw new CommandFailed(unchanged)
}
