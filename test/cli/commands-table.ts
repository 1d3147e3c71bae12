import type { Command, Option } from 'commander'
import { createProgram } from '../../src/cli/commands.ts'
import { unusedTerminal } from './unused-terminal.ts'

/** Every command that does something, with its full name. */
export function allCommands(): { name: string; command: Command }[] {
  const below = (command: Command, name: string): { name: string; command: Command }[] =>
    command.commands.length === 0
      ? [{ name, command }]
      : command.commands.flatMap((child) => below(child, `${name} ${child.name()}`))
  return below(createProgram(unusedTerminal), 'signet')
}

/** The table of docs/commands.md, generated from the command definitions. */
export function commandsTable(): string {
  const rows = allCommands().flatMap(({ name, command }) => [
    [
      `**\`${[name, ...command.registeredArguments.map((argument) => `<${argument.name()}>`)].join(' ')}\`**`,
      aboutOf(command),
    ],
    ...command.options
      .filter((option) => !isTheOther(option, command))
      .map((option) => [flagsOf(option, command), option.description]),
  ])
  const lines = [['command and flags', ''], ['---', '---'], ...rows]
  return lines.map((cells) => `| ${cells.map((cell) => cell?.replaceAll('|', '\\|')).join(' | ')} |`).join('\n')
}

function aboutOf(command: Command): string {
  const where = command.registeredArguments.flatMap((argument) =>
    argument.description ? [`\`<${argument.name()}>\`: ${argument.description}.`] : [],
  )
  return [command.description(), ...where].join(' ')
}

function flagsOf(option: Option, command: Command): string {
  const other = command.options.find((candidate) => candidate.long === `--no-${option.long?.slice(2)}`)
  const flags = [option.flags, ...(other ? [other.flags] : [])].map((flag) => `\`${flag}\``).join(', ')
  return option.mandatory ? `${flags} (required)` : flags
}

/** `--no-x` is listed next to `--x`, not on its own line. */
function isTheOther(option: Option, command: Command): boolean {
  return option.negate && command.options.some(({ long }) => long === `--${option.long?.slice('--no-'.length)}`)
}
