import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageFolder } from '../../platform/config/installation-folder.ts'
import { readSettings, type Settings, SettingsError } from '../../platform/config/settings.ts'
import { checkBreachedPasswords } from './check-breached-passwords.ts'
import { checkFiles, checkLogo, checkTlsFiles } from './check-files.ts'
import { checkInside, unusable } from './check-inside.ts'
import { checkMail } from './check-mail.ts'
import { checkOutside } from './check-outside.ts'
import { judgeSettings } from './check-settings.ts'
import { bad, completed, type Finding, good } from './finding.ts'
import { openDatabase } from './open-database.ts'

export interface Examination {
  readonly environment: Readonly<Record<string, string | undefined>>
  /** The folder of `.env`, and the base of relative paths. */
  readonly folder: string
  /** Aborted when the command must stop. */
  readonly stopSignal: AbortSignal
  /** The server to check instead of the issuer. */
  readonly url?: string | undefined
  /** This machine's clock, in milliseconds since 1970. */
  readonly now?: () => number
}

/** Runs all checks. It creates nothing. A check that cannot be made says why. */
export async function examine({
  environment,
  folder,
  stopSignal,
  url,
  now = Date.now,
}: Examination): Promise<Finding[]> {
  const findings = [checkVersion()]
  let settings: Settings
  try {
    settings = readSettings(environment, folder)
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error
    const advice = `Correct it in the environment of the server, or in ${join(folder, '.env')}.`
    const faults = error.faults.map((fault) => bad('settings', fault, advice))
    return completed([...findings, ...faults], 'The settings are not valid.')
  }
  const common = { base: url ?? settings.issuer, stopSignal, now }
  findings.push(...judgeSettings(settings, environment))
  findings.push(...(await checkFiles(settings, folder)), await checkTlsFiles(settings), await checkLogo(settings))
  findings.push(await checkMail(settings))
  findings.push(await checkBreachedPasswords(settings, stopSignal))

  const opened = await openDatabase(settings).catch(unusable)
  if (!opened) findings.push(noDatabase(settings))
  if (!opened || 'check' in opened) {
    if (opened) findings.push(opened)
    const reached = completed(findings, 'The database could not be queried.', ['Database', 'Keys'])
    return [...reached, ...(await checkOutside({ ...common, settings, published: undefined, database: undefined }))]
  }
  try {
    const { findings: inside, published } = await checkInside(opened, settings, now)
    const database = published && opened.database
    return [...findings, ...inside, ...(await checkOutside({ ...common, settings, published, database }))]
  } finally {
    await opened.leave()
  }
}

/** A finding even if a server responds at the issuer, because its database is then not the one of these settings. */
function noDatabase({ dataDir }: Pick<Settings, 'dataDir'>): Finding {
  return bad(
    'database',
    `There is no installation here: SIGNET_DATABASE_URL is not set, and ${dataDir} holds no embedded database.`,
    "Set SIGNET_DATABASE_URL or SIGNET_DATA_DIR as for the server; 'signet serve' creates an installation.",
  )
}

/** The version of Signet, and whether its Node version is supported. */
function checkVersion(): Finding {
  const { version, engines } = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8')) as {
    version: string
    engines: { node: string }
  }
  return judgeVersion(version, engines.node.replace('>=', ''), process.versions.node)
}

/** @param needed the oldest supported Node version: major and minor */
export function judgeVersion(signet: string, needed: string, node: string): Finding {
  const [neededMajor = 0, neededMinor = 0] = needed.split('.').map(Number)
  const [major = 0, minor = 0] = node.split('.').map(Number)
  const what = `Signet ${signet} on Node ${node}`
  return major > neededMajor || (major === neededMajor && minor >= neededMinor)
    ? good('version', `${what}.`)
    : bad('version', `${what}, which is too old.`, `Install Node ${needed} or later.`)
}
