import type { FastifyInstance } from 'fastify'

/** The server, or a scope of it, to which an endpoint adds its route. */
export type App = FastifyInstance
