import type { FastifyReply, FastifyRequest } from 'fastify'
import { ownHref } from '../html/link-target.ts'
import { cookieAttributes, cookieNames, readCookie } from '../platform/http/cookies.ts'
import { digest } from '../platform/secrets/digest.ts'
import { type UnfinishedKey, unfinishedTtl } from '../records/sessions/unfinished-sign-ins-store.ts'
import { browserDigestOf } from './browser-session.ts'

/*
 * The cookie of a sign-in that lacks the second factor. It is not the session cookie: only the page of the second step reads it.
 */

/**
 * Sends a browser whose person has entered the right password to the second step.
 *
 * @param cookie the new cookie whose digest `signInTo` has stored
 * @param continueTo the sealed `continue` value of what follows the sign-in
 */
export function toSecondFactor(
  reply: FastifyReply,
  issuer: string,
  cookie: string,
  continueTo: string | undefined,
): FastifyReply {
  return reply
    .header('cache-control', 'no-store')
    .setCookie(cookieNames(issuer).signIn, cookie, { ...cookieAttributes(issuer), maxAge: unfinishedTtl })
    .redirect(ownHref('/second-factor', { continue: continueTo }), 303)
}

/** The unfinished sign-in of a browser; undefined if it sent no such cookie. Whether it is still open is not checked here. */
export function unfinishedSignInOf(
  request: FastifyRequest,
  reply: FastifyReply,
  issuer: string,
): UnfinishedKey | undefined {
  const cookie = readCookie(request, cookieNames(issuer).signIn)
  if (cookie === undefined) return undefined
  return { digest: digest(cookie), browserDigest: browserDigestOf(request, reply, issuer) }
}

/** Deletes the cookie of a sign-in that is complete or over. */
export function forgetUnfinishedSignIn(reply: FastifyReply, issuer: string): void {
  reply.clearCookie(cookieNames(issuer).signIn, cookieAttributes(issuer))
}
