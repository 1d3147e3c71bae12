import type { FastifyInstance } from 'fastify'

/** The server, or one of its scopes, to which an endpoint adds its route. */
export type App = FastifyInstance
