import { Command } from 'commander'
import { clientsCommand } from './clients.ts'
import { doctorCommand } from './doctor.ts'
import { eventsCommand } from './events.ts'
import { exitCodeOf, sentencesOf } from './failures.ts'
import { refuseEmptyArguments } from './flags.ts'
import { grantsCommand } from './grants.ts'
import { keysCommand } from './keys.ts'
import { migrateCommand } from './migrate.ts'
import { idsBehindFlags } from './operands.ts'
import { recoverCommand } from './recover.ts'
import { resourcesCommand } from './resources.ts'
import { serveCommand } from './serve.ts'
import { type Terminal, visible } from './terminal.ts'
import { usersCommand } from './users.ts'
import { versionCommand } from './version.ts'

/** All commands with their flags. What a command needs beyond its flags is loaded when it runs. */
export function createProgram(terminal: Terminal): Command {
  // Before the commands are added: they inherit it.
  const program = new Command('signet')
    .description('An identity provider: signs people in, and signs JWTs that anybody can verify.')
    .exitOverride()
    .enablePositionalOptions()
    .configureOutput({
      writeOut: (text) => terminal.writeOut(text),
      writeErr: (text) => terminal.writeError(visible(text)),
      // It repeats what was typed, which may be a whole file.
      outputError: (text, write) => write(shortened(text.replace(/^error: /, 'signet: '))),
    })
  serveCommand(program, terminal)
  migrateCommand(program, terminal)
  doctorCommand(program, terminal)
  versionCommand(program, terminal)
  keysCommand(program, terminal)
  recoverCommand(program, terminal)
  clientsCommand(program, terminal)
  resourcesCommand(program, terminal)
  usersCommand(program, terminal)
  grantsCommand(program, terminal)
  eventsCommand(program, terminal)
  for (const group of program.commands) group.enablePositionalOptions()
  refuseEmptyArguments(program)
  return program
}

/**
 * Runs one command.
 *
 * @param args the command line, without the program's own name
 * @returns the exit code: 0 done, 1 failed, 2 wrong usage, 70 an uncaught error has stopped a server
 */
export async function run(args: readonly string[], terminal: Terminal): Promise<number> {
  const program = createProgram(terminal)
  try {
    await program.parseAsync(idsBehindFlags(args, program), { from: 'user' })
    return 0
  } catch (error) {
    const sentences = sentencesOf(error)
    if (sentences !== undefined) terminal.writeError(`signet: ${visible(sentences)}\n`)
    return exitCodeOf(error)
  }
}

function shortened(text: string): string {
  return text.length > 600 ? `${text.slice(0, 300)} ... ${text.slice(-300)}` : text
}
