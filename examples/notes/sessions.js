import { randomBytes } from 'node:crypto'

/**
 * A sign-in that was started in this browser and waits for the response.
 *
 * @typedef {object} PendingSignIn
 * @property {string} codeVerifier RFC 7636 §4.1
 * @property {string} nonce OpenID Connect Core §3.1.2.1
 */

/**
 * The signed-in user and their tokens, which stay here on the server.
 *
 * @typedef {object} SignedIn
 * @property {string} sub
 * @property {string} name
 * @property {string} idToken for signing out
 * @property {string | undefined} refreshToken
 * @property {{ readonly token: string, readonly expiresAt: number } | undefined} apiToken expires: milliseconds since 1970
 * @property {Promise<string> | undefined} refreshing while a refresh is under way
 * @property {import('./changed-token.js').Trial | undefined} trial what the page shows once
 */

/**
 * What this server knows about one browser.
 *
 * @typedef {object} Session
 * @property {string} id the cookie's value
 * @property {number} endsAt milliseconds since 1970
 * @property {Map<string, PendingSignIn>} pending by `state`: each tab may have one
 * @property {SignedIn | undefined} signedIn
 */

/** Milliseconds. */
const lifetime = 8 * 3600 * 1000
const maxSessions = 10_000
const maxPending = 10

/**
 * Sessions in memory. They end with the process, which is enough for an example. In production, keep them in a database; otherwise each
 * deployment signs everybody out.
 */
export function createSessionStore() {
  /** @type {Map<string, Session>} in the order in which they began, which is also the order in which they end */
  const sessions = new Map()

  /** @param {Pick<Session, 'pending' | 'signedIn'>} content */
  const start = ({ pending, signedIn }) => {
    for (const { id, endsAt } of sessions.values()) {
      if (endsAt > Date.now() && sessions.size < maxSessions) break
      sessions.delete(id)
    }
    // 256 random bits: the id contains no information and cannot be guessed.
    const session = { id: randomBytes(32).toString('base64url'), endsAt: Date.now() + lifetime, pending, signedIn }
    sessions.set(session.id, session)
    return session
  }

  return {
    /**
     * @param {string | undefined} id the cookie's value
     * @returns {Session | undefined}
     */
    find: (id) => {
      const session = id === undefined ? undefined : sessions.get(id)
      return session && session.endsAt > Date.now() ? session : undefined
    },

    /** A new session for a browser without one. */
    begin: () => start({ pending: new Map(), signedIn: undefined }),

    /**
     * Starts a session for the signed-in user, with a new id. Otherwise, somebody who planted the old id in this browser would be signed in
     * too (session fixation).
     *
     * @param {Session} session ends
     * @param {SignedIn} signedIn
     */
    signIn: (session, signedIn) => {
      sessions.delete(session.id)
      return start({ pending: session.pending, signedIn })
    },

    /** @param {Session} session */
    end: (session) => {
      sessions.delete(session.id)
    },
  }
}

/**
 * Remembers a sign-in that was started. If there are too many, the oldest is forgotten.
 *
 * @param {Session} session
 * @param {string} state
 * @param {PendingSignIn} signIn
 */
export function remember({ pending }, state, signIn) {
  for (const oldest of pending.keys()) {
    if (pending.size < maxPending) break
    pending.delete(oldest)
  }
  pending.set(state, signIn)
}

/**
 * Returns the sign-in that a response belongs to, and forgets it: a response can be used only once.
 *
 * @param {Session | undefined} session
 * @param {unknown} state of the response
 */
export function take(session, state) {
  if (typeof state !== 'string') return undefined
  const signIn = session?.pending.get(state)
  session?.pending.delete(state)
  return signIn
}
