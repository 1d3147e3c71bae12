import type { FastifyBaseLogger } from 'fastify'
import { pino } from 'pino'
import type { Settings } from './config/settings.ts'

export type Log = FastifyBaseLogger

/** The part of a log that the database layer and background writers need. Errors go under `err`. */
export interface DatabaseLog {
  info(details: object, message: string): void
  warn(details: object, message: string): void
}

/**
 * Creates the log: JSON lines on standard error. Of a request, only its method and its route's path are logged, never its URL: a query
 * string holds codes and hints. Errors are logged with type, message and stack. The parts of a database error that quote a row's values
 * (`detail`, `parameters`) are left out.
 */
export function createLog(settings: Pick<Settings, 'logLevel'>): Log {
  return pino(
    {
      level: settings.logLevel,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      // Fastify's own would log the URL.
      serializers: { err: describeError, req: () => undefined, res: () => undefined },
    },
    pino.destination({ dest: 2, sync: false }),
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
