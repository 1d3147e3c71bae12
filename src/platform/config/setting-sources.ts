import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseEnv } from 'node:util'
import { declarations, futureSettings, type SettingName } from './declaration.ts'
import type { Setting } from './setting-kinds.ts'

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Reads the texts of all settings that are given: from `.env`, from the environment, which takes precedence, and from the files named by
 * `SIGNET_<NAME>_FILE`.
 *
 * @param folder the folder of `.env`, and the base of relative paths
 * @returns the texts by name, and the faults found so far: files that cannot be read, and unknown names
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
 * The path of the `.env` file, if at least one of these settings comes from it and not from the environment.
 *
 * @param folder the folder of `.env`
 */
export function dotEnvSource(
  environment: Environment,
  folder: string,
  names: readonly SettingName[],
): string | undefined {
  const inFile = readDotEnv(folder, [])
  const isFromFile = (name: string) => Boolean(inFile[name]) && !environment[name]
  return names.some((name) => isFromFile(name) || isFromFile(`${name}_FILE`)) ? resolve(folder, '.env') : undefined
}

/** A colour without quotes in `.env`, which would be ignored silently. */
const unquotedColour = /^\s*(?:export\s+)?(SIGNET_\w+)\s*=\s*#[0-9a-f]{3,8}\s*$/gim

function readDotEnv(folder: string, faults: string[]): NodeJS.Dict<string> {
  const file = resolve(folder, '.env')
  try {
    const text = readFileSync(file, 'utf8')
    const values = parseEnv(text)
    for (const [, name = ''] of text.matchAll(unquotedColour))
      if (values[name] === '')
        faults.push(`${name}: in ${file}, \`#\` begins a comment, so the value is empty. Put it in quotes.`)
    return values
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
      faults.push(`${fileName}: ${name} is also set. Remove one of them.`)
      continue
    }
    try {
      texts.set(name, readFileSync(resolve(folder, file), 'utf8').trim())
    } catch (error) {
      faults.push(`${fileName}: cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'}).`)
    }
  }
}

/** @param file the file that contains it; undefined for the environment */
function unknownSetting(name: string, file: string | undefined): string {
  const known = Object.entries<Setting<unknown>>(declarations).flatMap(([one, { secret }]) =>
    secret ? [one, `${one}_FILE`] : [one],
  )
  const suggestion = nearestName(name, known)
  return `${name}: there is no such setting${file ? `; it is in ${file}` : ''}.${suggestion ? ` Did you mean ${suggestion}?` : ''}`
}

/** Maximum edits for a name to count as a typo of another. */
const maxEdits = 3

/**
 * The known name that a mistyped one probably stands for.
 *
 * @param written the mistyped name; a long text is not a typo
 * @returns the one of `names` that is fewest edits away, or undefined if none is close
 */
function nearestName(written: string, names: readonly string[]): string | undefined {
  if (written.length > 100) return undefined
  const distances = names.map((name) => ({ name, edits: editsBetween(written, name) }))
  const [nearest] = distances.sort((a, b) => a.edits - b.edits)
  return nearest && nearest.edits <= maxEdits ? nearest.name : undefined
}

/**
 * How many characters must be inserted, deleted, replaced or swapped with the next one to turn one text into the other (optimal string
 * alignment distance).
 */
function editsBetween(a: string, b: string): number {
  // Each row holds the distances between one prefix of `a` and all prefixes of `b`.
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
