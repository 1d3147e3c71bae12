import { Command } from 'commander'
import { packageVersion } from '../platform/config/installation-folder.ts'
import { clientsCommand } from './clients.ts'
import { exitCodeOf, messageOf } from './command-failures.ts'
import { doctorCommand } from './doctor.ts'
import { eventsCommand } from './events.ts'
import { json, refuseEmptyArguments } from './flags.ts'
import { grantsCommand } from './grants.ts'
import { groupsCommand } from './groups.ts'
import { keysCommand } from './keys.ts'
import { mailCommand } from './mail-commands.ts'
import { migrateCommand } from './migrate.ts'
import { type Format, printOne } from './output.ts'
import { recoverCommand } from './recover.ts'
import { registrationTokensCommand } from './registration-token-commands.ts'
import { resourcesCommand } from './resources.ts'
import { serveCommand } from './serve.ts'
import { type Terminal, visible } from './terminal.ts'
import { usersCommand } from './users.ts'

/** Defines all commands with their flags. A command loads everything else when it runs. */
export function createProgram(terminal: Terminal): Command {
  // Must come before the commands are added, because they inherit these options.
  const program = new Command('signet')
    .description('An identity provider: signs users in and issues JWTs that anyone can verify.')
    .exitOverride()
    .enablePositionalOptions()
    .configureOutput({
      writeOut: (text) => terminal.writeOut(text),
      writeErr: (text) => terminal.writeError(visible(text)),
      // Commander repeats what was typed, which may be a whole file.
      outputError: (text, write) => write(shortened(text.replace(/^error: /, 'signet: '))),
    })
  serveCommand(program, terminal)
  migrateCommand(program, terminal)
  doctorCommand(program, terminal)
  versionCommand(program, terminal)
  keysCommand(program, terminal)
  recoverCommand(program, terminal)
  clientsCommand(program, terminal)
  registrationTokensCommand(program, terminal)
  resourcesCommand(program, terminal)
  usersCommand(program, terminal)
  groupsCommand(program, terminal)
  grantsCommand(program, terminal)
  eventsCommand(program, terminal)
  mailCommand(program, terminal)
  for (const group of program.commands) group.enablePositionalOptions()
  refuseEmptyArguments(program)
  return program
}

/** `signet version` and `signet --version`, which need neither a database nor settings. */
function versionCommand(program: Command, terminal: Terminal): void {
  program.version(packageVersion(), '--version', 'print the version')
  program
    .command('version')
    .description('Print the version.')
    .addOption(json())
    .action((format: Format) => {
      const version = packageVersion()
      if (format.json) printOne(terminal, format, { version })
      else terminal.writeOut(`${version}\n`)
    })
}

/**
 * Runs one command.
 *
 * @param args the command line, without the name of the program
 * @returns the exit code: 0 done, 1 failed, 2 wrong usage, 70 a server was stopped by an uncaught error
 */
export async function run(args: readonly string[], terminal: Terminal): Promise<number> {
  const program = createProgram(terminal)
  try {
    await program.parseAsync(idsBehindFlags(args, program), { from: 'user' })
    return 0
  } catch (error) {
    const message = messageOf(error)
    if (message !== undefined) terminal.writeError(`signet: ${visible(message)}\n`)
    return exitCodeOf(error)
  }
}

function shortened(text: string): string {
  return text.length > 600 ? `${text.slice(0, 300)} ... ${text.slice(-300)}` : text
}

/**
 * Moves ids that begin with a hyphen behind a `--`, so that they are not parsed as flags. Ids are random values or digests in base64url,
 * and one in 64 begins with a hyphen (`signet users show -Vb1…`).
 *
 * @param args the command line
 * @param program defines all flags, and which of them take a value
 */
export function idsBehindFlags(args: readonly string[], program: Command): string[] {
  const takeValue = new Set(flagsWithValue(program))
  const end = args.includes('--') ? args.indexOf('--') : args.length
  const isOperand = args.map((arg, index) => index < end && isHyphenedId(arg) && !takeValue.has(args[index - 1] ?? ''))
  if (!isOperand.includes(true)) return [...args]
  const flags = args.filter((_, index) => index < end && !isOperand[index])
  const ids = args.filter((_, index) => isOperand[index])
  return [...flags, '--', ...ids, ...args.slice(end + 1)]
}

/** 96 bits (request ids), 128, or 256 (thumbprints) in base64url. Lower-case words with hyphens are a misspelt flag. */
function isHyphenedId(arg: string): boolean {
  return /^-(?:[A-Za-z0-9_-]{15}|[A-Za-z0-9_-]{21}|[A-Za-z0-9_-]{42})$/.test(arg) && !/^--[a-z][a-z-]*$/.test(arg)
}

function flagsWithValue(command: Command): string[] {
  return [
    ...command.options.flatMap(({ long, required }) => (long && required ? [long] : [])),
    ...command.commands.flatMap(flagsWithValue),
  ]
}
