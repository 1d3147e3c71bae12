import { type PurposeSecret, sealText, unsealText } from '../../platform/secrets/purpose-secrets.ts'

const handleFor = (sub: string) => `account-passkey:${sub}`

/** Identifies a passkey in a form. The id itself is not shown, because it is a counter of everything that people have added. */
export function passkeyHandle(secret: PurposeSecret, sub: string, id: number): string {
  return sealText(secret, String(id), handleFor(sub))
}

/** The id of the credential; undefined if the handle was not sealed for this person. */
export function readPasskeyHandle(secret: PurposeSecret, sub: string, handle: string | undefined): number | undefined {
  const id = unsealText(secret, handle ?? '', handleFor(sub))
  return id === undefined ? undefined : Number(id)
}
