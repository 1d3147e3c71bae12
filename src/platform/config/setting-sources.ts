import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseEnv } from 'node:util'
import { declarations, futureSettings, type SettingName } from './declaration.ts'
import type { Setting } from './setting-kinds.ts'

type Environment = Readonly<Record<string, string | undefined>>

/**
 * The texts of all settings that are given, by name: from `.env`, from the environment, which wins, and from the files that
 * `SIGNET_<NAME>_FILE` names.
 *
 * @param folder where `.env` lies and where relative paths start
 * @returns beside them what is wrong already: files that cannot be read, and names that no setting has
 */
export function readTexts(environment: Environment, folder: string): { texts: Map<string, string>; faults: string[] } {
  const faults: string[] = []
  const texts = new Map<string, string>()
  for (const source of [readDotEnv(folder, faults), environment])
    for (const [name, text] of Object.entries(source)) if (name.startsWith('SIGNET_') && text) texts.set(name, text)
  readSecretFiles(texts, folder, faults)
  for (const name of texts.keys()) {
    if (Object.hasOwn(futureSettings, name))
      faults.push(`${name}: has no effect, because ${futureSettings[name]}. Remove it.`)
    else if (!Object.hasOwn(declarations, name) && !name.startsWith('SIGNET_TEST_'))
      faults.push(unknownSetting(name, environment[name] ? undefined : resolve(folder, '.env')))
  }
  return { texts, faults }
}

/**
 * The `.env` file, if at least one of these settings comes from it and not from the environment.
 *
 * @param folder where `.env` lies
 */
export function dotEnvSource(
  environment: Environment,
  folder: string,
  names: readonly SettingName[],
): string | undefined {
  const inFile = readDotEnv(folder, [])
  const decides = (name: string) => Boolean(inFile[name]) && !environment[name]
  return names.some((name) => decides(name) || decides(`${name}_FILE`)) ? resolve(folder, '.env') : undefined
}

function readDotEnv(folder: string, faults: string[]): NodeJS.Dict<string> {
  const file = resolve(folder, '.env')
  try {
    return parseEnv(readFileSync(file, 'utf8'))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ENOENT') faults.push(`${file}: cannot be read (${code ?? 'unknown error'}).`)
    return {}
  }
}

function readSecretFiles(texts: Map<string, string>, folder: string, faults: string[]): void {
  for (const [name, setting] of Object.entries<Setting<unknown>>(declarations)) {
    const fileName = `${name}_FILE`
    const file = texts.get(fileName)
    if (!setting.secret || file === undefined) continue
    texts.delete(fileName)
    if (texts.has(name)) {
      faults.push(`${fileName}: ${name} is set too; one of them must go.`)
      continue
    }
    try {
      texts.set(name, readFileSync(resolve(folder, file), 'utf8').trim())
    } catch (error) {
      faults.push(`${fileName}: cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'}).`)
    }
  }
}

/** @param file where it stands; undefined for the environment */
function unknownSetting(name: string, file: string | undefined): string {
  const known = Object.entries<Setting<unknown>>(declarations).flatMap(([one, { secret }]) =>
    secret ? [one, `${one}_FILE`] : [one],
  )
  const meant = nearestName(name, known)
  return `${name}: there is no such setting${file ? `; it is in ${file}` : ''}.${meant ? ` Did you mean ${meant}?` : ''}`
}

/** Edits that a typo may consist of. */
const mostEdits = 3

/**
 * The name that somebody meant who wrote another one.
 *
 * @param written what was written; a long text is no typo
 * @returns the one of `names` that is fewest edits away, or undefined if none is near
 */
function nearestName(written: string, names: readonly string[]): string | undefined {
  if (written.length > 100) return undefined
  const distances = names.map((name) => ({ name, edits: editsBetween(written, name) }))
  const [nearest] = distances.sort((a, b) => a.edits - b.edits)
  return nearest && nearest.edits <= mostEdits ? nearest.name : undefined
}

/**
 * How many characters have to be inserted, deleted or replaced, or swapped with their neighbours, to get from one text to the other
 * (optimal string alignment).
 */
function editsBetween(a: string, b: string): number {
  // Each row has the distances between a beginning of `a` and all beginnings of `b`.
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (last[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      const swapped = isSwapped ? (beforeLast[j - 2] ?? 0) + 1 : Infinity
      row[j] = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, replaced, swapped)
    }
    ;[beforeLast, last] = [last, row]
  }
  return last[b.length] ?? 0
}
