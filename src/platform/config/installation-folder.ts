import { dirname, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Where this package lies: the folder with package.json, sql/ and public/, both from src/ and from dist/. */
export const packageFolder = fileURLToPath(new URL('../../../', import.meta.url))

/**
 * Where `.env`, keys and data lie and relative paths start: the checkout, or, where Signet is installed as a package, the
 * folder whose node_modules holds it (what lies inside node_modules is lost at the next install).
 */
export function installationFolder(folder: string = packageFolder): string {
  const parts = resolve(folder).split(sep)
  const outermost = parts.indexOf('node_modules')
  return outermost === -1 ? resolve(folder) : parts.slice(0, outermost).join(sep) || dirname(sep)
}
