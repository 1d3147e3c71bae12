// Messages for the operator of Signet, in errors and in the log. They name the settings of Signet, because the operator can change those.

/** A log, such as pino's or Fastify's. Errors go under `err`. */
export interface Log {
  info(details: object, message: string): void
  warn(details: object, message: string): void
}

/** The embedded PostgreSQL cannot be used. The message says what the operator of Signet can do; no stack is needed. */
export class LocalPostgresError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'LocalPostgresError'
  }
}

/** The alternative to the embedded database, for messages. */
export const useYourOwn = 'set SIGNET_DATABASE_URL to a PostgreSQL of your own'

/** Adds advice to an error of the file system. Returns any other error unchanged, because a bug must keep its stack. */
export function inWords(error: unknown, dataDir: string): unknown {
  const { code, path, message } = error as NodeJS.ErrnoException
  if (error instanceof LocalPostgresError || typeof code !== 'string' || path === undefined) return error
  const advice =
    code === 'EACCES' || code === 'EPERM' || code === 'EROFS'
      ? 'Run Signet as the user who owns it, or choose another SIGNET_DATA_DIR'
      : 'Choose another SIGNET_DATA_DIR'
  return new LocalPostgresError(
    `The embedded PostgreSQL cannot use ${dataDir}: ${message}. ${advice}, or ${useYourOwn}.`,
    { cause: error },
  )
}
