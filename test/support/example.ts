import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { packageFolder } from '../../src/platform/config/installation-folder.ts'

/**
 * Loads a module of examples/. They are not compiled, so they are loaded from their source folder.
 *
 * @param file its path below examples/
 */
export function loadExample<Module>(file: string): Promise<Module> {
  return import(pathToFileURL(join(packageFolder, 'examples', file)).href)
}
