import { addConsent } from '../records/consents/consents-store.ts'
import { recordEvent } from '../records/events/events-store.ts'
import type { Session } from '../records/sessions/sessions-store.ts'
import type { Signet } from '../signet.ts'
import { type Actor, originOf } from './actor.ts'
import { asSignedIn, signedOut } from './as-signed-in.ts'
import { type CodeRequest, openGrantWithCode } from './issue-code.ts'

/**
 * Remembers that a person allows a client what it asks for, and issues the code, in one transaction (OpenID Connect Core §3.1.2.4).
 * Whoever ends this session or this consent comes before or after.
 *
 * @returns the code; undefined when the session, the client or what the person allowed it has ended in the meantime
 * @throws TooManyWaiting
 */
export async function giveConsent(
  signet: Pick<Signet, 'database' | 'secrets' | 'turns'>,
  actor: Actor,
  request: CodeRequest,
  session: Session,
): Promise<string | undefined> {
  const { sub } = session.account
  const { client_id: clientId } = request.target.client
  const { scopes, resources } = request
  const given = await asSignedIn(signet, session, async (tx) => {
    const code = await openGrantWithCode(signet, tx, actor, request, session)
    if (code === undefined) return undefined
    await addConsent(tx, sub, clientId, { scopes, resources })
    await recordEvent(tx, { type: 'consent_given', ...originOf(actor), clientId, sub, detail: { scopes } })
    return code
  })
  return given === signedOut ? undefined : given
}

/** A person does not allow a client what it asks for. Nothing else is remembered of it but the event. */
export async function refuseConsent(
  { database }: Pick<Signet, 'database'>,
  actor: Actor,
  { target }: Pick<CodeRequest, 'target'>,
  { account: { sub } }: Session,
): Promise<void> {
  const clientId = target.client.client_id
  await recordEvent(database, { type: 'consent_refused', ...originOf(actor), clientId, sub })
}
