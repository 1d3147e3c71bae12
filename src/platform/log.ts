import type { FastifyBaseLogger } from 'fastify'
import { pino } from 'pino'
import type { Settings } from './config/settings.ts'

export type Log = FastifyBaseLogger

/** What the database, and whatever writes to it in the background, needs of a log. Errors go under `err`. */
export interface DatabaseLog {
  info(details: object, message: string): void
  warn(details: object, message: string): void
}

/**
 * The log: JSON lines on standard error. What is logged of a request is its method and its route's path, never its URL: a
 * query string holds codes and hints. Errors are logged with type, message and stack; what a database error says of a row's
 * values (`detail`, `parameters`) is left out.
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
  if (!(error instanceof Error)) return { message: 'Something that is no Error was thrown.' }
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
