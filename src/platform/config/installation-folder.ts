import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve, sep } from 'node:path'

/** The folder of this package, with package.json, sql/ and public/, wherever this module was compiled to. */
export const packageFolder = folderOfPackage(import.meta.dirname)

function folderOfPackage(folder: string): string {
  return existsSync(join(folder, 'package.json')) ? folder : folderOfPackage(dirname(folder))
}

/**
 * The folder of `.env`, keys and data, and the base of relative paths: the checkout or, if Signet is installed as a package, the folder
 * whose node_modules contains it (files inside node_modules are lost at the next install).
 */
export function installationFolder(folder: string = packageFolder): string {
  const parts = resolve(folder).split(sep)
  const outermost = parts.indexOf('node_modules')
  return outermost === -1 ? resolve(folder) : parts.slice(0, outermost).join(sep) || dirname(sep)
}

/** The running version, from package.json. */
export function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8')) as { version: string }
  return version
}
