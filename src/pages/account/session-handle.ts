import { type PurposeSecret, sealText, unsealText } from '../../platform/secrets/purposes.ts'
import type { SessionId } from '../../records/ids.ts'

const associated = (sub: string) => `account-session:${sub}`

/**
 * What stands for a session in a form of its person's. The id itself counts all sign-ins of everybody, so it is not shown; and what
 * was sealed for one person opens for no other.
 */
export function sessionHandle(secret: PurposeSecret, sub: string, sessionId: SessionId): string {
  return sealText(secret, String(sessionId), associated(sub))
}

/** The session's id; undefined for what was not sealed for this person. */
export function readSessionHandle(secret: PurposeSecret, sub: string, handle: string): SessionId | undefined {
  const id = unsealText(secret, handle, associated(sub))
  return id === undefined ? undefined : (Number(id) as SessionId)
}
