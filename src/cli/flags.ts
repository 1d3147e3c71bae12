import { type Command, InvalidArgumentError, Option } from 'commander'
import { parseJson } from '#verify/strict-json'
import { parseDuration } from '../platform/config/setting-kinds.ts'

/** A flag that takes one value. Given twice, there is no telling which one is meant. */
export function oneValue(flag: string, about: string): Option {
  return new Option(flag, about).argParser<string | undefined>((value, previous) => {
    if (previous !== undefined) throw new InvalidArgumentError('It is given twice.')
    return notAFlag(value)
  })
}

/** A flag that can be given any number of times. An empty value stands for no entry at all. */
export function manyValues(flag: string, about: string): Option {
  return new Option(flag, `${about} (repeatable)`).argParser<string[] | undefined>((value, previous = []) =>
    notAFlag(value) === '' ? previous : [...previous, value],
  )
}

/** A flag whose values are lists separated by blanks, and that can be given any number of times. */
export function manyWords(flag: string, about: string): Option {
  return new Option(flag, `${about} (repeatable, or several separated by blanks)`).argParser<string[] | undefined>(
    (value, previous = []) => [
      ...previous,
      ...notAFlag(value)
        .split(' ')
        .filter((word) => word !== ''),
    ],
  )
}

/**
 * A flag that finds or chooses something. An empty value comes from a variable that is not set: searching for nothing would find nothing,
 * or everything. Where a flag sets a member, an empty value takes the member away, so those flags stay as they are.
 */
export function notEmpty(option: Option): Option {
  const parse = option.parseArg
  return option.argParser<unknown>((value, previous) => {
    refuseEmpty(value)
    return parse ? parse(value, previous) : value
  })
}

/** Has every argument of a command and of the commands below it refuse an empty value: each of them names something. */
export function refuseEmptyArguments(command: Command): void {
  for (const argument of command.registeredArguments) argument.argParser(refuseEmpty)
  for (const below of command.commands) refuseEmptyArguments(below)
}

function refuseEmpty(value: string): string {
  if (value.trim() === '') throw new InvalidArgumentError('It is empty.')
  return value
}

/** A flag that takes a whole number of seconds; empty stands for none. */
export function seconds(flag: string, about: string): Option {
  return new Option(flag, about).argParser<number | '' | undefined>((value, previous) => {
    if (previous !== undefined) throw new InvalidArgumentError('It is given twice.')
    if (value === '') return ''
    if (!/^\d{1,9}$/.test(value)) throw new InvalidArgumentError('It takes a whole number of seconds.')
    return Number(value)
  })
}

/** A flag that takes a duration such as `15m`, and gives seconds; empty stands for none. */
export function duration(flag: string, about: string): Option {
  return new Option(flag, about).argParser<number | '' | undefined>((value, previous) => {
    if (previous !== undefined) throw new InvalidArgumentError('It is given twice.')
    const parsed = value === '' ? '' : parseDuration(value)
    if (parsed === undefined) throw new InvalidArgumentError('It takes a duration such as 15m, 24h or 90d.')
    return parsed
  })
}

/** A flag that takes a number of things. */
export function count(flag: string, about: string, most: number): Option {
  return new Option(flag, about).argParser<number | undefined>((value, previous) => {
    if (previous !== undefined) throw new InvalidArgumentError('It is given twice.')
    const parsed = /^\d{1,15}$/.test(value) ? Number(value) : 0
    if (parsed < 1 || parsed > most) throw new InvalidArgumentError(`It takes a whole number from 1 to ${most}.`)
    return parsed
  })
}

/** A flag that takes a JSON document; empty stands for none. */
export function jsonValue(flag: string, about: string): Option {
  return new Option(flag, about).argParser<unknown>((value, previous) => {
    if (previous !== undefined) throw new InvalidArgumentError('It is given twice.')
    if (value === '') return ''
    try {
      return parseJson(value)
    } catch (error) {
      throw new InvalidArgumentError(`It takes a JSON document, but ${error instanceof Error ? error.message : error}.`)
    }
  })
}

/** Gives a command the two flags of what is either so or not: `--require-pkce` and `--no-require-pkce`. */
export function addEitherWay(command: Command, name: string, about: string): void {
  const given = new Set<string>()
  for (const option of [new Option(`--${name}`, about), new Option(`--no-${name}`, `not --${name}`)]) {
    command.addOption(option)
    command.on(`option:${option.name()}`, () => {
      given.add(option.name())
      if (given.size > 1) command.error(`error: --${name} and --no-${name} contradict each other; give one.`)
    })
  }
}

export function json(): Option {
  return new Option('--json', 'print one JSON document and nothing else')
}

/** `--name --json` is a name that was forgotten, not a name. */
function notAFlag(value: string): string {
  if (/^--[a-z][a-z-]*$/.test(value)) throw new InvalidArgumentError('Its value is missing.')
  return value
}
