import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageFolder } from './config/installation-folder.ts'

/** The version that runs, as package.json has it. */
export function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8')) as { version: string }
  return version
}
