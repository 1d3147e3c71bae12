import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { declarations } from '../../platform/config/declaration.ts'
import type { Setting } from '../../platform/config/setting-kinds.ts'
import type { Settings } from '../../platform/config/settings.ts'
import { bareHost } from './ask.ts'
import { bad, type Check, type Finding, good, skipped, warning } from './finding.ts'
import { reasonOf } from './reason.ts'

/** What the system knows of a file or folder. */
export interface Facts {
  readonly path: string
  /** Permission bits. */
  readonly mode: number
  readonly uid: number
}

type FileSettings = Pick<Settings, 'masterKey' | 'keysDir' | 'dataDir' | 'databaseUrl'>

/**
 * Who can read and who can change what only Signet should.
 *
 * @param folder where `.env` lies
 */
export async function checkFiles(settings: FileSettings, folder: string): Promise<Finding[]> {
  const user = process.getuid?.() ?? 0
  return Promise.all([
    look('master-key-file', join(settings.keysDir, 'master.key'), (facts) => {
      if (settings.masterKey) return skipped('master-key-file', 'The master key comes from a setting.')
      return facts ? judgeSecretFile('master-key-file', facts, user) : noMasterKeyFile(settings.keysDir)
    }),
    look('keys-directory', settings.keysDir, judgeKeysDirectory),
    look('env-file', join(folder, '.env'), async (facts) => {
      if (!facts) return skipped('env-file', 'There is no .env; the settings come from the environment.')
      const holdsSecret = hasSecret(await readFile(facts.path, 'utf8'))
      return holdsSecret ? judgeSecretFile('env-file', facts, user) : good('env-file', `${facts.path} holds no secret.`)
    }),
    look('data-directory', settings.dataDir, (facts) => {
      if (settings.databaseUrl !== undefined) return skipped('data-directory', 'The database is one of your own.')
      return facts ? judgeDataDirectory(facts) : skipped('data-directory', 'There is none yet: nothing was started.')
    }),
  ])
}

async function look(
  check: Check,
  path: string,
  judge: (facts: Facts | undefined) => Finding | Promise<Finding>,
): Promise<Finding> {
  try {
    const { mode, uid } = await stat(path)
    return await judge({ path, mode: mode & 0o777, uid })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return judge(undefined)
    return bad(check, `${path} cannot be looked at: ${reasonOf(error)}.`, 'Run this as the user that Signet runs as.')
  }
}

function noMasterKeyFile(keysDir: string): Finding {
  return skipped('master-key-file', `There is none in ${keysDir}; the first start of an installation makes it.`)
}

/**
 * A file that nobody but Signet's user may read.
 *
 * @param user the uid of this process; root says nothing about who Signet runs as
 */
export function judgeSecretFile(check: Check, { path, mode, uid }: Facts, user: number): Finding {
  if (mode & 0o077)
    return bad(check, `${path} can be read or changed by other users (mode ${octal(mode)}).`, `chmod 600 ${path}`)
  if (user !== 0 && uid !== user)
    return warning(check, `${path} belongs to another user (uid ${uid}).`, 'Give it to the user that Signet runs as.')
  return good(check, `${path} is for its owner alone (mode ${octal(mode)}).`)
}

/** Who can write here can take the master key away, or put another in its place. */
export function judgeKeysDirectory(facts: Facts | undefined): Finding {
  if (!facts) return skipped('keys-directory', 'There is none; whoever needs it first makes it.')
  const { path, mode } = facts
  const advice = `chmod go-w ${path}`
  if (mode & 0o002) return bad('keys-directory', `Every user can change ${path} (mode ${octal(mode)}).`, advice)
  if (mode & 0o020) return warning('keys-directory', `Its group can change ${path} (mode ${octal(mode)}).`, advice)
  return good('keys-directory', `Only its owner can change ${path} (mode ${octal(mode)}).`)
}

/** 0700, or, where root started it, 0711: then the database's own account must be able to pass through. */
export function judgeDataDirectory({ path, mode }: Facts): Finding {
  if (mode & 0o022)
    return bad('data-directory', `Other users can change ${path} (mode ${octal(mode)}).`, `chmod go-rw ${path}`)
  if (mode & 0o044)
    return warning('data-directory', `Other users can look into ${path} (mode ${octal(mode)}).`, `chmod go-r ${path}`)
  return good('data-directory', `${path} is closed to others (mode ${octal(mode)}).`)
}

function hasSecret(text: string): boolean {
  const values = parseEnv(text)
  return Object.entries<Setting<unknown>>(declarations).some(([name, { secret }]) => secret && values[name])
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0')
}

/** The files from which Signet serves HTTPS itself. How long the certificate lives is seen from outside. */
export async function checkTlsFiles({ tls, issuer }: Pick<Settings, 'tls' | 'issuer'>): Promise<Finding> {
  if (!tls) return skipped('tls-files', 'Signet does not serve HTTPS itself.')
  let file = tls.certFile
  try {
    const certificate = new X509Certificate(await readFile(file))
    file = tls.keyFile
    const key = createPrivateKey(await readFile(file))
    const host = bareHost(issuer)
    if (!certificate.checkPrivateKey(key))
      return bad(
        'tls-files',
        'SIGNET_TLS_KEY is not the key of SIGNET_TLS_CERT.',
        'Set both to files of one certificate.',
      )
    if (!(isIP(host) ? certificate.checkIP(host) : certificate.checkHost(host)))
      return bad('tls-files', `The certificate in ${tls.certFile} is not for ${host}.`, `Get one that names ${host}.`)
    return good('tls-files', 'Certificate and key belong together.')
  } catch (error) {
    return bad('tls-files', `${file} cannot be used: ${reasonOf(error)}.`, 'Both are PEM files that Signet can read.')
  }
}
