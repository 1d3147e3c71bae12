import type { FastifyBaseLogger } from 'fastify'
import { pino } from 'pino'
import type { Settings } from './config/settings.ts'

export type Log = FastifyBaseLogger

/** The part of a log that the database layer and background writers need. Errors go under `err`. */
export interface DatabaseLog {
  info(details: object, message: string): void
  warn(details: object, message: string): void
}

/** Bytes that a write to a pipe keeps together, so that lines of several processes are not mixed (POSIX, PIPE_BUF). Most characters need one. */
const maxWrite = 4_096

/**
 * Creates the log: JSON lines on standard error. Of a request, only its method and its route's path are logged, never its URL: a query
 * string holds codes and hints. Errors are logged with type, message and stack. The parts of a database error that quote a row's values
 * (`detail`, `parameters`) are left out.
 *
 * @param worker the number of this process, if it is a worker of a group; it is in every line
 */
export function createLog(settings: Pick<Settings, 'logLevel'>, worker?: number): Log {
  return pino(
    {
      level: settings.logLevel,
      base: worker === undefined ? null : { worker },
      timestamp: pino.stdTimeFunctions.isoTime,
      // Fastify's own would log the URL.
      serializers: { err: describeError, req: () => undefined, res: () => undefined },
    },
    pino.destination({ dest: 2, sync: false, maxWrite }),
  )
}

function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: 'A value that is not an Error was thrown.' }
  const { code, constraint } = error as Error & { code?: unknown; constraint?: unknown }
  return {
    type: error.name,
    message: error.message,
    ...(code === undefined ? {} : { code }),
    ...(constraint === undefined ? {} : { constraint }),
    stack: error.stack,
    ...(error.cause === undefined ? {} : { cause: describeError(error.cause) }),
  }
}
