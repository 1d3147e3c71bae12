/** The embedded PostgreSQL cannot be used. The message tells the operator what to do; a stack adds nothing to it. */
export class EmbeddedDatabaseError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'EmbeddedDatabaseError'
  }
}

/** How every way around the embedded database begins. */
export const useYourOwn = 'set SIGNET_DATABASE_URL to a PostgreSQL of your own'
