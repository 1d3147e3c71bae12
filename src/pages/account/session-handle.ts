import { type PurposeSecret, sealText, unsealText } from '../../platform/secrets/purpose-secrets.ts'
import type { SessionId } from '../../records/ids.ts'

const handleFor = (sub: string) => `account-session:${sub}`

/**
 * Identifies a session in a form. The id itself is not shown, because it is a counter of all sign-ins. A handle sealed for one person
 * cannot be opened for another.
 */
export function sessionHandle(secret: PurposeSecret, sub: string, sessionId: SessionId): string {
  return sealText(secret, String(sessionId), handleFor(sub))
}

/** The session's id; undefined if the handle was not sealed for this person. */
export function readSessionHandle(secret: PurposeSecret, sub: string, handle: string): SessionId | undefined {
  const id = unsealText(secret, handle, handleFor(sub))
  return id === undefined ? undefined : (Number(id) as SessionId)
}
