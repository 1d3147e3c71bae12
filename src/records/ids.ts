/*
 * Branded types for IDs that must not be mixed up. Each is a plain string (for sessions, a number) at run time, and can be used wherever a string is
 * expected. Functions that create, change, end or delete something take these types, so the compiler rejects a client ID in place of a `sub`
 * (test/records/ids.test.ts).
 *
 * IDs of these types are generated, or read from rows or verified tokens. The ID in a command or a request is a plain string until its row has been
 * found (`findAccount`, `findClient`, `findGrant`). Events, refusals and limits contain plain strings, because they can be about something that does
 * not exist.
 */

declare const kind: unique symbol
type Id<Kind extends string, Value = string> = Value & { readonly [kind]: Kind }

/** A person: the claim `sub` (OpenID Connect Core §2). */
export type Sub = Id<'sub'>

/**
 * A person as one client knows them: the claim `sub` of what the client can read. For a public client it is the `Sub` of the account, for a pairwise client
 * it is not (OpenID Connect Core §8). Only `subjectFor` makes one, so an account's own `Sub` cannot get into a token by mistake.
 */
export type Subject = Id<'subject'>

/** A client: `client_id` (RFC 6749 §2.2). */
export type ClientId = Id<'client_id'>

/** A grant; tokens carry it as `grant_id`. */
export type GrantId = Id<'grant'>

/** A session, as a number in the database. Outside of Signet a session is identified only by a `Sid`. */
export type SessionId = Id<'session', number>

/** A session, identified differently to each client: the claim `sid` (OpenID Connect Front-Channel Logout §3). */
export type Sid = Id<'sid'>
