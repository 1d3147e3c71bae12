import {
  type LiveSecrets,
  type PurposeSecret,
  sealText,
  secretFor,
  unsealText,
} from '../../platform/secrets/purpose-secrets.ts'

const handleFor = (sub: string) => `account-event:${sub}`

/**
 * Identifies an event in a link. The id itself is not shown, because it is a counter of everything that happens. A handle sealed for one person cannot be opened
 * for another.
 */
export function eventHandle(secret: PurposeSecret, sub: string, id: number): string {
  return sealText(secret, String(id), handleFor(sub))
}

/** The event's id; undefined if the handle was not sealed for this person. */
export async function readEventHandle(
  secrets: LiveSecrets,
  sub: string,
  handle: string | undefined,
): Promise<number | undefined> {
  if (handle === undefined || handle === '') return undefined
  const id = unsealText(await secretFor(secrets, 'request-sealing', handle), handle, handleFor(sub))
  return id === undefined ? undefined : Number(id)
}
