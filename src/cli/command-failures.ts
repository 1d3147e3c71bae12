import { CommanderError } from 'commander'

/** The command could not do what it was told; the sentence says why, and what to do. Exit code 1. */
export class CommandFailed extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'CommandFailed'
  }
}

/** What was written on the command line, or handed on standard input, cannot be meant. Exit code 2. */
export class WrongUsage extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'WrongUsage'
  }
}

/** The command has said on standard output what is wrong. Exit code 1. */
export class ToldAlready extends Error {
  constructor() {
    super('What is wrong has been told.')
    this.name = 'ToldAlready'
  }
}

/** An uncaught error has stopped the server; the log has it. Its exit code is EX_SOFTWARE of sysexits.h. */
export class ServerFault extends Error {
  static readonly exitCode = 70
  constructor() {
    super('The server was stopped by an uncaught error; its stack is in the log. Please report it.')
    this.name = 'ServerFault'
  }
}

/** Values that the rules refuse are wrong usage wherever they are found out. */
const refusals = new Set(['WrongUsage', 'InvalidClientMetadata', 'InvalidResource', 'InvalidProfile'])

/** 0 done, 1 failed, 2 wrong usage, 70 an uncaught error has stopped a server. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof ServerFault) return ServerFault.exitCode
  // Commander throws for --help, too, when all is done.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  return error instanceof Error && refusals.has(error.name) ? 2 : 1
}

/** For `catch`: if a signal was aborted because somebody asked for the end, the command fails with this sentence. */
export function ifInterrupted(sentence: string): (error: unknown) => never {
  return (error) => {
    throw isAbort(error) ? new CommandFailed(sentence) : error
  }
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError'
}

/** What is told of an error: plain sentences, no stack. Undefined where it has been told already. */
export function sentencesOf(error: unknown): string | undefined {
  if (error instanceof CommanderError || error instanceof ToldAlready) return undefined
  if (!(error instanceof Error)) return 'Something went wrong, and nothing says what.'
  if (isAbort(error)) return 'Interrupted.'
  if (error.name === 'DatabaseReadOnly')
    return `${error.message} Signet needs the primary: let SIGNET_DATABASE_URL lead to it, or name every host, as in postgres://user:password@host1,host2/database?target_session_attrs=read-write.`
  return isAboutDatabase(error)
    ? `The database cannot be used: ${reasonOf(error)}. Check that it runs and that SIGNET_DATABASE_URL leads to it.`
    : error.message
}

/** What the driver and the system say of a connection that could not be made, or was lost. */
function isAboutDatabase(error: Error): boolean {
  const { code, syscall } = error as NodeJS.ErrnoException
  if (error.name === 'DatabaseUnavailable' || error instanceof AggregateError) return true
  if (/^(?:connect|getaddrinfo)$/.test(syscall ?? '')) return true
  // PostgreSQL Appendix A: connection, authorization, database that is not there, resources, operator.
  return (
    /^(?:08|28|3D|53|57)[0-9A-Z]{3}$/.test(code ?? '') ||
    /^(?:Connection terminated|timeout e|Query read timeout|Client (?:has encountered|was closed))/.test(error.message)
  )
}

function reasonOf(error: Error): string {
  const reasons = error instanceof AggregateError ? error.errors.filter((one) => one instanceof Error) : [error]
  return [...new Set(reasons.map(({ message }) => message.replace(/\.$/, '')))].join('; ')
}
