/*
 * Ids that must not be mixed up. Each is a plain string (a session's is a number) that carries its kind in its type, and passes wherever a
 * string is asked for. What creates, changes, ends or deletes something takes these types, so the compiler refuses a client where a person is
 * meant (test/records/ids.test.ts).
 *
 * They are drawn, or read from rows and from tokens that were verified. What a command or a request names is a plain string until a look-up
 * has found its row (`findAccount`, `findClient`, `findGrant`). Events, refusals and limits hold plain strings, because they can be about
 * what does not exist.
 */

declare const kind: unique symbol
type Id<Kind extends string, Value = string> = Value & { readonly [kind]: Kind }

/** A person: the claim `sub` (OpenID Connect Core §2). */
export type Sub = Id<'sub'>

/** A client: `client_id` (RFC 6749 §2.2). */
export type ClientId = Id<'client_id'>

/** A grant; tokens carry it as `grant_id`. */
export type GrantId = Id<'grant'>

/** A session, as the database counts them. It leaves Signet only as a `Sid`. */
export type SessionId = Id<'session', number>

/** A session as one client sees it: the claim `sid` (OpenID Connect Front-Channel Logout §3). */
export type Sid = Id<'sid'>
