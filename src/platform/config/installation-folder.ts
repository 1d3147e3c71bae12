import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve, sep } from 'node:path'

/** Where this package lies: the folder with package.json, sql/ and public/, wherever this module was compiled to. */
export const packageFolder = folderOfPackage(import.meta.dirname)

function folderOfPackage(folder: string): string {
  return existsSync(join(folder, 'package.json')) ? folder : folderOfPackage(dirname(folder))
}

/**
 * Where `.env`, keys and data lie and relative paths start: the checkout, or, where Signet is installed as a package, the
 * folder whose node_modules holds it (what lies inside node_modules is lost at the next install).
 */
export function installationFolder(folder: string = packageFolder): string {
  const parts = resolve(folder).split(sep)
  const outermost = parts.indexOf('node_modules')
  return outermost === -1 ? resolve(folder) : parts.slice(0, outermost).join(sep) || dirname(sep)
}

/** The version that runs, as package.json has it. */
export function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8')) as { version: string }
  return version
}
