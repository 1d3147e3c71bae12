// What the operator of Signet is told, in errors and in the log. The messages name the settings of Signet, because they are theirs to change.

/** Where events are logged; pino's and Fastify's logs fit. Errors go under `err`. */
export interface Log {
  info(details: object, message: string): void
  warn(details: object, message: string): void
}

/** The embedded PostgreSQL cannot be used. The message tells the operator of Signet what to do; a stack adds nothing to it. */
export class LocalPostgresError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'LocalPostgresError'
  }
}

/** How every way around the embedded database begins. */
export const useYourOwn = 'set SIGNET_DATABASE_URL to a PostgreSQL of your own'

/** An error of the file system, with the way out; any other error as it is, because a fault of ours keeps its stack. */
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
