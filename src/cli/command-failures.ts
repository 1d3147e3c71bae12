import { CommanderError } from 'commander'
import { ServerFault } from './server-fault.ts'

/** The command failed. The message says why, and what to do. Exit code 1. */
export class CommandFailed extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'CommandFailed'
  }
}

/** The command line, or what was read from standard input, is not valid. Exit code 2. */
export class WrongUsage extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'WrongUsage'
  }
}

/** `serve` was interrupted. */
export const interruptedEarly = 'Interrupted before the server was ready.'

/** The command has already reported the problem on standard output. Exit code 1. */
export class AlreadyReported extends Error {
  constructor() {
    super('The problem has already been reported.')
    this.name = 'AlreadyReported'
  }
}

/** Errors about values that the rules refuse. They count as wrong usage, whichever layer throws them. */
const refusals = new Set(['WrongUsage', 'InvalidClientMetadata', 'InvalidResource', 'InvalidProfile', 'InvalidGroup'])

/** @returns 0 done, 1 failed, 2 wrong usage, 70 a server was stopped by an uncaught error */
export function exitCodeOf(error: unknown): number {
  if (error instanceof ServerFault) return ServerFault.exitCode
  // Commander also throws after --help, with exit code 0.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  return error instanceof Error && refusals.has(error.name) ? 2 : 1
}

/** A handler for `catch`: if the work was aborted by a signal (Ctrl-C), the command fails with this message. */
export function ifInterrupted(message: string): (error: unknown) => never {
  return (error) => {
    throw isAbort(error) ? new CommandFailed(message) : error
  }
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError'
}

/** The message to print for an error, without a stack trace. Undefined if the problem has already been reported. */
export function messageOf(error: unknown): string | undefined {
  if (error instanceof CommanderError || error instanceof AlreadyReported) return undefined
  if (!(error instanceof Error)) return 'Unknown error.'
  if (isAbort(error)) return 'Interrupted.'
  if (error.name === 'DatabaseReadOnly')
    return `${error.message} Signet needs the primary: point SIGNET_DATABASE_URL to it, or list all hosts, as in postgres://user:password@host1,host2/database?target_session_attrs=read-write.`
  return isAboutDatabase(error)
    ? `The database cannot be used: ${reasonOf(error)}. Check that it is running and that SIGNET_DATABASE_URL points to it.`
    : error.message
}

/** Whether the driver or the operating system reports a connection that could not be opened, or was lost. */
function isAboutDatabase(error: Error): boolean {
  const { code, syscall } = error as NodeJS.ErrnoException
  if (error.name === 'DatabaseUnavailable' || error instanceof AggregateError) return true
  if (/^(?:connect|getaddrinfo)$/.test(syscall ?? '')) return true
  // PostgreSQL Appendix A: classes for connection, authorization, missing database, resources, operator intervention.
  return (
    /^(?:08|28|3D|53|57)[0-9A-Z]{3}$/.test(code ?? '') ||
    /^(?:Connection terminated|timeout e|Query read timeout|Client (?:has encountered|was closed))/.test(error.message)
  )
}

function reasonOf(error: Error): string {
  const reasons = error instanceof AggregateError ? error.errors.filter((one) => one instanceof Error) : [error]
  return [...new Set(reasons.map(({ message }) => message.replace(/\.$/, '')))].join('; ')
}
