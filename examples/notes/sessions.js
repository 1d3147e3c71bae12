import { randomBytes } from 'node:crypto'

/**
 * A sign-in that was begun in this browser and waits for its answer.
 *
 * @typedef {object} PendingSignIn
 * @property {string} codeVerifier RFC 7636 §4.1
 * @property {string} nonce OpenID Connect Core §3.1.2.1
 */

/**
 * Who is signed in, with the tokens: they stay here, on the server.
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
 * What this server knows of one browser.
 *
 * @typedef {object} Session
 * @property {string} id the cookie's value
 * @property {number} endsAt milliseconds since 1970
 * @property {Map<string, PendingSignIn>} pending by `state`: each tab may have one
 * @property {SignedIn | undefined} signedIn
 */

/** Milliseconds. */
const lifetime = 8 * 3600 * 1000
const mostSessions = 10_000
const mostPending = 10

/**
 * Sessions in memory: they end with the process, which is enough for an example. Elsewhere they belong into a database, or
 * everybody is signed out by each deployment.
 */
export function createSessionStore() {
  /** @type {Map<string, Session>} in the order in which they began, which is also the order in which they end */
  const sessions = new Map()

  /** @param {Pick<Session, 'pending' | 'signedIn'>} content */
  const start = ({ pending, signedIn }) => {
    for (const { id, endsAt } of sessions.values()) {
      if (endsAt > Date.now() && sessions.size < mostSessions) break
      sessions.delete(id)
    }
    // 256 bits from a good source: it says nothing and cannot be guessed.
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

    /** A session of a browser of which nothing is known yet. */
    begin: () => start({ pending: new Map(), signedIn: undefined }),

    /**
     * Gives the browser a session with somebody signed in. Its id is a new one: whoever had put the old one into this browser
     * would otherwise be signed in with it (session fixation).
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
 * Remembers a sign-in that was begun; of too many, the oldest is given up.
 *
 * @param {Session} session
 * @param {string} state
 * @param {PendingSignIn} signIn
 */
export function remember({ pending }, state, signIn) {
  for (const oldest of pending.keys()) {
    if (pending.size < mostPending) break
    pending.delete(oldest)
  }
  pending.set(state, signIn)
}

/**
 * Takes the sign-in that an answer belongs to: an answer is good once.
 *
 * @param {Session | undefined} session
 * @param {unknown} state of the answer
 */
export function take(session, state) {
  if (typeof state !== 'string') return undefined
  const signIn = session?.pending.get(state)
  session?.pending.delete(state)
  return signIn
}
