import { passkeyAmr } from '../records/accounts/factors.ts'
import { raiseSession, type Session } from '../records/sessions/sessions-store.ts'
import type { Signet } from '../signet.ts'
import { asSignedIn, type signedOut } from './as-signed-in.ts'

/**
 * Raises the session in which a person has just added a passkey. They have used it, and the authenticator has verified them, so they need not do so again at
 * once. The time of the sign-in does not change: nobody signed in.
 *
 * @param sessionDigest the digest of the cookie under which the session continues
 * @returns the maximum remaining lifetime of the session, in seconds
 * @throws TooManyWaiting
 */
export async function raiseByNewPasskey(
  signet: Pick<Signet, 'database' | 'turns' | 'clock'>,
  session: Session,
  sessionDigest: Buffer,
): Promise<number | typeof signedOut> {
  const raised = {
    digest: sessionDigest,
    factor: 'passkey',
    authTime: undefined,
    provenAt: signet.clock.now(),
  } as const
  return asSignedIn(signet, session, (tx) => raiseSession(tx, session.id, { ...raised, amr: passkeyAmr }))
}
