import { randomUUID } from 'node:crypto'
import fastify from 'fastify'
// A service of your own imports signet-verify, which is the same code.
import { createVerifier, fastifyBearer, fastifyScopes } from 'signet-idp/verify'

/**
 * @typedef {object} Note
 * @property {string} id
 * @property {string} text
 * @property {string} created ISO 8601
 */

/** Limits on what is kept in memory. Beyond them, the oldest are forgotten. */
const maxNotes = 100
const maxUsers = 10_000

/**
 * An API that stores notes. It has no secret and no access to Signet's database. It needs only the issuer and its audience, and fetches
 * the public keys itself.
 *
 * @param {object} settings
 * @param {string} settings.issuer who signs the tokens, exactly as in their `iss`
 * @param {string} settings.audience this API's own identifier (RFC 8707): a name, not necessarily its address
 * @param {boolean} [settings.logged] whether to write a line for each request
 * @throws {TypeError} if issuer or audience is not valid
 */
export function createApi({ issuer, audience, logged = false }) {
  const verifier = createVerifier({ issuer, audience })
  /** @type {Map<string, Note[]>} */
  const notesOf = new Map()
  const app = fastify({ logger: logged, forceCloseConnections: true, bodyLimit: 16 * 1024 })

  // Public: it is outside the scope that requires a token.
  app.get('/healthz', async () => ({ ok: true }))

  app.register(async (api) => {
    // Every route in this scope requires a token that Signet signed for this API; none can be forgotten.
    await api.register(fastifyBearer, { verifier })

    api.get('/notes', { onRequest: fastifyScopes('notes:read') }, async (request) => ({
      notes: notesOf.get(request.accessToken.sub) ?? [],
    }))

    api.post(
      '/notes',
      { onRequest: fastifyScopes('notes:write'), schema: { body: newNote } },
      async (request, reply) => {
        const { text } = /** @type {{ text: string }} */ (request.body)
        const note = { id: randomUUID(), text, created: new Date().toISOString() }
        // Only the token decides whose note it is, never anything else in the request.
        const { sub } = request.accessToken
        if (!notesOf.has(sub) && notesOf.size >= maxUsers) notesOf.delete(first(notesOf.keys()))
        notesOf.set(sub, [note, ...(notesOf.get(sub) ?? [])].slice(0, maxNotes))
        return reply.code(201).send(note)
      },
    )
  })
  return app
}

const newNote = {
  type: 'object',
  required: ['text'],
  properties: { text: { type: 'string', minLength: 1, maxLength: 1000 } },
}

/** @param {Iterable<string>} names */
function first(names) {
  const [name = ''] = names
  return name
}
