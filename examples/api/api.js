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

/** More than these are forgotten: what is kept in memory needs a bound. */
const mostNotes = 100
const mostPeople = 10_000

/**
 * An API that keeps notes. It holds no secret and has no line to Signet's database: issuer and audience are all it is told, and
 * the public keys it fetches by itself.
 *
 * @param {object} settings
 * @param {string} settings.issuer who signs the tokens, exactly as in their `iss`
 * @param {string} settings.audience this API's own identifier (RFC 8707): a name, which need not be the address it is reached at
 * @param {boolean} [settings.logged] whether to write a line for each request
 * @throws {TypeError} where issuer or audience cannot be used
 */
export function createApi({ issuer, audience, logged = false }) {
  const verifier = createVerifier({ issuer, audience })
  /** @type {Map<string, Note[]>} */
  const notesOf = new Map()
  const app = fastify({ logger: logged, forceCloseConnections: true, bodyLimit: 16 * 1024 })

  // For everybody: it stands outside the scope that demands a token.
  app.get('/healthz', async () => ({ ok: true }))

  app.register(async (api) => {
    // Every route of this scope demands a token that Signet signed for this very API; none can be forgotten.
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
        // Whose note it is, the token says, and nothing in the request can say otherwise.
        const { sub } = request.accessToken
        if (!notesOf.has(sub) && notesOf.size >= mostPeople) notesOf.delete(first(notesOf.keys()))
        notesOf.set(sub, [note, ...(notesOf.get(sub) ?? [])].slice(0, mostNotes))
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
