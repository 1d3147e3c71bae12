import { type Command, InvalidArgumentError, Option } from 'commander'
import { parseJson } from '#verify/strict-json'
import { parseDuration } from '../platform/config/setting-kinds.ts'

/** A flag that takes one value. It is refused if it is given twice, because either value could be meant. */
export function oneValue(flag: string, description: string): Option {
  return new Option(flag, description).argParser<string | undefined>((value, previous) => {
    if (previous !== undefined) throw new InvalidArgumentError('It may be given only once.')
    return notAFlag(value)
  })
}

/** The languages of `html/messages`, which a command loads only when it runs. */
export const locales: readonly string[] = ['en', 'de']

export function mailLocale(): Option {
  return new Option('--locale <locale>', 'language of the mail (default en)').choices(locales)
}

/** A flag that can be given any number of times. An empty value adds no entry. */
export function manyValues(flag: string, description: string): Option {
  return new Option(flag, `${description} (repeatable)`).argParser<string[] | undefined>((value, previous = []) =>
    notAFlag(value) === '' ? previous : [...previous, value],
  )
}

/** A flag whose values are lists separated by spaces. It can be given any number of times. */
export function manyWords(flag: string, description: string): Option {
  return new Option(flag, `${description} (repeatable; or several, separated by spaces)`).argParser<
    string[] | undefined
  >((value, previous = []) => [
    ...previous,
    ...notAFlag(value)
      .split(' ')
      .filter((word) => word !== ''),
  ])
}

/**
 * Makes a flag refuse an empty value, for flags that select something. An empty value usually comes from an unset variable: selecting
 * by it would match nothing, or everything. Flags that set a value are not wrapped, because there an empty value removes the value.
 */
export function notEmpty(option: Option): Option {
  const parse = option.parseArg
  return option.argParser<unknown>((value, previous) => {
    refuseEmpty(value)
    return parse ? parse(value, previous) : value
  })
}

/** Makes every argument of a command and of its subcommands refuse an empty value, because each argument identifies something. */
export function refuseEmptyArguments(command: Command): void {
  for (const argument of command.registeredArguments)
    if (argument.variadic) argument.argParser<string[]>((value, previous = []) => [...previous, refuseEmpty(value)])
    else argument.argParser(refuseEmpty)
  for (const below of command.commands) refuseEmptyArguments(below)
}

function refuseEmpty(value: string): string {
  if (value.trim() === '') throw new InvalidArgumentError('It must not be empty.')
  return value
}

/** A flag that takes a whole number of seconds; an empty value stands for none. */
export function seconds(flag: string, description: string): Option {
  return new Option(flag, description).argParser<number | '' | undefined>((value, previous) => {
    if (previous !== undefined) throw new InvalidArgumentError('It may be given only once.')
    if (value === '') return ''
    if (!/^\d{1,9}$/.test(value)) throw new InvalidArgumentError('It must be a whole number of seconds.')
    return Number(value)
  })
}

/** A flag that takes a duration such as `15m`, converted to seconds; an empty value stands for none. */
export function duration(flag: string, description: string): Option {
  return new Option(flag, description).argParser<number | '' | undefined>((value, previous) => {
    if (previous !== undefined) throw new InvalidArgumentError('It may be given only once.')
    const parsed = value === '' ? '' : parseDuration(value)
    if (parsed === undefined) throw new InvalidArgumentError('It must be a duration such as 15m, 24h or 90d.')
    return parsed
  })
}

/** A flag that takes a whole number from 1 to `max`. */
export function count(flag: string, description: string, max: number): Option {
  return new Option(flag, description).argParser<number | undefined>((value, previous) => {
    if (previous !== undefined) throw new InvalidArgumentError('It may be given only once.')
    const parsed = /^\d{1,15}$/.test(value) ? Number(value) : 0
    if (parsed < 1 || parsed > max) throw new InvalidArgumentError(`It must be a whole number from 1 to ${max}.`)
    return parsed
  })
}

/** A flag that takes a JSON document; an empty value stands for none. */
export function jsonValue(flag: string, description: string): Option {
  return new Option(flag, description).argParser<unknown>((value, previous) => {
    if (previous !== undefined) throw new InvalidArgumentError('It may be given only once.')
    if (value === '') return ''
    try {
      return parseJson(value)
    } catch (error) {
      throw new InvalidArgumentError(
        `It must be a JSON document, but ${error instanceof Error ? error.message : error}.`,
      )
    }
  })
}

/**
 * Adds a flag that takes one of several words, or none, which means `true`; and its opposite, such as `--no-require-pkce`, which means `false`.
 * Only one of the two may be given.
 *
 * @param values the words, with what they mean
 */
export function addChoiceFlag(
  command: Command,
  name: string,
  description: string,
  values: Readonly<Record<string, unknown>>,
): void {
  refuseBoth(command, name)
  const option = new Option(`--${name} [value]`, description).argParser<unknown>((value, previous) => {
    if (previous !== undefined) throw new InvalidArgumentError('It may be given only once.')
    if (!Object.hasOwn(values, value))
      throw new InvalidArgumentError(`It must be one of ${Object.keys(values).join(', ')}.`)
    return values[value]
  })
  command.addOption(option)
  command.addOption(new Option(`--no-${name}`, `the same as --${name} false`))
}

/** Adds a pair of flags such as `--first-party` and `--no-first-party`, of which only one may be given. */
export function addBooleanFlag(command: Command, name: string, description: string): void {
  refuseBoth(command, name)
  command.addOption(new Option(`--${name}`, description))
  command.addOption(new Option(`--no-${name}`, `the opposite of --${name}`))
}

/** Call it before adding the two flags, so that it is what refuses the second one. */
function refuseBoth(command: Command, name: string): void {
  const given = new Set<string>()
  for (const option of [name, `no-${name}`])
    command.on(`option:${option}`, () => {
      given.add(option)
      if (given.size > 1) command.error(`error: --${name} and --no-${name} contradict each other: give only one.`)
    })
}

export function json(): Option {
  return new Option('--json', 'print the result as one JSON document')
}

/** In `--name --json` the value was forgotten: `--json` is not a name. */
function notAFlag(value: string): string {
  if (/^--[a-z][a-z-]*$/.test(value)) throw new InvalidArgumentError('Its value is missing.')
  return value
}
