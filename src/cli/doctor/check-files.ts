import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { createSecureContext } from 'node:tls'
import { parseEnv } from 'node:util'
import { declarations } from '../../platform/config/declaration.ts'
import { ImageFileFault, readImageFile } from '../../platform/config/image-file.ts'
import type { Setting } from '../../platform/config/setting-kinds.ts'
import type { Settings } from '../../platform/config/settings.ts'
import { bad, type Check, type Finding, good, skipped, warning } from './finding.ts'
import { bareHost } from './http-request.ts'
import { reasonOf } from './reason.ts'

/** What the operating system knows about a file or folder. */
export interface FileFacts {
  readonly path: string
  /** Permission bits. */
  readonly mode: number
  readonly uid: number
}

type FileSettings = Pick<Settings, 'masterKey' | 'keysDir' | 'dataDir' | 'databaseUrl'>

/**
 * Who can read or change files that only Signet should have access to.
 *
 * @param folder the folder of `.env`
 */
export async function checkFiles(settings: FileSettings, folder: string): Promise<Finding[]> {
  const user = process.getuid?.() ?? 0
  return Promise.all([
    inspect('master-key-file', join(settings.keysDir, 'master.key'), (facts) => {
      if (settings.masterKey) return skipped('master-key-file', 'The master key comes from a setting.')
      return facts ? judgeSecretFile('master-key-file', facts, user) : noMasterKeyFile(settings.keysDir)
    }),
    inspect('keys-directory', settings.keysDir, judgeKeysDirectory),
    inspect('env-file', join(folder, '.env'), async (facts) => {
      if (!facts) return skipped('env-file', 'There is no .env file; the settings come from the environment.')
      const holdsSecret = hasSecret(await readFile(facts.path, 'utf8'))
      return holdsSecret
        ? judgeSecretFile('env-file', facts, user)
        : good('env-file', `${facts.path} contains no secrets.`)
    }),
    inspect('data-directory', settings.dataDir, (facts) => {
      if (settings.databaseUrl !== undefined) return skipped('data-directory', 'Not used: SIGNET_DATABASE_URL is set.')
      return facts
        ? judgeDataDirectory(facts)
        : skipped('data-directory', 'There is none yet: no server has been started.')
    }),
  ])
}

async function inspect(
  check: Check,
  path: string,
  judge: (facts: FileFacts | undefined) => Finding | Promise<Finding>,
): Promise<Finding> {
  try {
    const { mode, uid } = await stat(path)
    return await judge({ path, mode: mode & 0o777, uid })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return judge(undefined)
    return bad(
      check,
      `${path} cannot be checked: ${reasonOf(error)}.`,
      'Run this command as the user that Signet runs as.',
    )
  }
}

function noMasterKeyFile(keysDir: string): Finding {
  return skipped('master-key-file', `There is none in ${keysDir}; the first start of an installation creates it.`)
}

/**
 * A file that only Signet's user may read.
 *
 * @param user the uid of this process; if it is root, the owner is not checked, because Signet may run as another user
 */
export function judgeSecretFile(check: Check, { path, mode, uid }: FileFacts, user: number): Finding {
  if (mode & 0o077)
    return bad(check, `${path} can be read or changed by other users (mode ${octal(mode)}).`, `chmod 600 ${path}`)
  if (user !== 0 && uid !== user)
    return warning(
      check,
      `${path} belongs to another user (uid ${uid}).`,
      'Change its owner to the user that Signet runs as.',
    )
  return good(check, `Only its owner can read and change ${path} (mode ${octal(mode)}).`)
}

/** Anyone who can write here can delete or replace the master key. */
export function judgeKeysDirectory(facts: FileFacts | undefined): Finding {
  if (!facts) return skipped('keys-directory', 'There is none; it is created when it is first needed.')
  const { path, mode } = facts
  const advice = `chmod go-w ${path}`
  if (mode & 0o002) return bad('keys-directory', `Every user can change ${path} (mode ${octal(mode)}).`, advice)
  if (mode & 0o020) return warning('keys-directory', `Its group can change ${path} (mode ${octal(mode)}).`, advice)
  return good('keys-directory', `Only its owner can change ${path} (mode ${octal(mode)}).`)
}

/** 0700, or 0711 if root started it, because the database's own account must be able to access folders in it. */
export function judgeDataDirectory({ path, mode }: FileFacts): Finding {
  if (mode & 0o022)
    return bad('data-directory', `Other users can change ${path} (mode ${octal(mode)}).`, `chmod go-rw ${path}`)
  if (mode & 0o044)
    return warning('data-directory', `Other users can list ${path} (mode ${octal(mode)}).`, `chmod go-r ${path}`)
  return good('data-directory', `Other users cannot read or change ${path} (mode ${octal(mode)}).`)
}

function hasSecret(text: string): boolean {
  const values = parseEnv(text)
  return Object.entries<Setting<unknown>>(declarations).some(([name, { secret }]) => secret && values[name])
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0')
}

/** The files for HTTPS if Signet serves it itself. The validity of the certificate is checked from outside. */
export async function checkTlsFiles({ tls, issuer }: Pick<Settings, 'tls' | 'issuer'>): Promise<Finding> {
  if (!tls) return skipped('tls-files', 'Signet does not serve HTTPS itself.')
  let file = tls.certFile
  try {
    const cert = await readFile(file)
    const certificate = new X509Certificate(cert)
    file = tls.keyFile
    const pem = await readFile(file)
    const key = createPrivateKey(pem)
    const host = bareHost(issuer)
    if (!certificate.checkPrivateKey(key))
      return bad(
        'tls-files',
        'SIGNET_TLS_KEY is not the key of SIGNET_TLS_CERT.',
        'Set both to files of the same certificate.',
      )
    if (!(isIP(host) ? certificate.checkIP(host) : certificate.checkHost(host)))
      return bad(
        'tls-files',
        `The certificate in ${tls.certFile} is not for ${host}.`,
        `Get a certificate for ${host}.`,
      )
    // OpenSSL refuses what the two checks above do not see, such as short keys and a broken chain.
    file = tls.certFile
    createSecureContext({ cert, key: pem })
    return good('tls-files', 'The key belongs to the certificate.')
  } catch (error) {
    return bad(
      'tls-files',
      `${file} cannot be used: ${reasonOf(error)}.`,
      'Both must be PEM files that Signet can read.',
    )
  }
}

/** The picture that pages show beside the name. A server does not start if it cannot use it. */
export async function checkLogo({ logo, name }: Pick<Settings, 'logo' | 'name'>): Promise<Finding> {
  if (logo === undefined) return skipped('logo', `SIGNET_LOGO is not set; pages show the name ${name}.`)
  try {
    const { bytes, contentType } = await readImageFile(logo)
    return good('logo', `${logo} is ${contentType}, ${Math.ceil(bytes.length / 1024)} KB.`)
  } catch (error) {
    if (!(error instanceof ImageFileFault)) throw error
    return bad(
      'logo',
      `${logo} cannot be used: ${error.message}.`,
      'Set SIGNET_LOGO to a PNG, JPEG, WebP or SVG file that Signet can read. Until then no server starts.',
    )
  }
}
