/** What this room needs of a log; pino's and Fastify's fit. Errors go under `err`. */
export interface DatabaseLog {
  info(details: object, message: string): void
  warn(details: object, message: string): void
}
