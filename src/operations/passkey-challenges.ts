import { digest, randomText } from '../platform/secrets/digest.ts'
import { sealText, secretFor, unsealText } from '../platform/secrets/purpose-secrets.ts'
import type { Sub } from '../records/ids.ts'
import type { Signet } from '../signet.ts'

/*
 * The challenges of passkeys (Web Authentication Level 3 §13.4.3). A challenge is a sealed value, so a page that nobody answers stores nothing. It says which
 * browser, use and account it is for. The digest of an answered challenge is stored until the challenge expires (`usePasskey`, `spendChallenge`).
 */

/** What a passkey is asked for, and what one is created for. An answer to one of these is never an answer to another. */
export type PasskeyPurpose = 'sign-in' | 'second-factor' | 'step-up' | 'recovery' | 'not-me'
export type PasskeyCreationPurpose = 'account' | 'sign-up' | 'recovery'

/** What a challenge is bound to. */
interface Binding {
  readonly ceremony: 'get' | 'create'
  readonly use: string
  /** The digest of the browser's cookie. */
  readonly browserDigest: Buffer
}

/** Seconds. The sign-in page waits for as long as the person does not choose a passkey from the suggestions of the browser. */
const lifetimeAtSignIn = 3600
const lifetime = 600

/** A challenge that Signet made, for the browser and the use that present it. */
export interface OpenedChallenge {
  readonly digest: Buffer
  /** The account that it is for; undefined at sign-in. */
  readonly sub: Sub | undefined
  /** Milliseconds since 1970. */
  readonly expiresAt: number
}

/**
 * Makes a challenge: base64url, as in the JSON that browsers read. Nobody can predict it: it contains 128 random bits, and is sealed.
 *
 * @throws KeysUnavailable if this node cannot confirm its secrets
 */
export function newChallenge({ secrets, clock }: Signet, binding: Binding & { readonly sub: Sub | undefined }): string {
  const seconds = binding.use === 'sign-in' ? lifetimeAtSignIn : lifetime
  const content = [clock.now() + seconds * 1000, binding.sub ?? null, randomText(16)]
  return sealText(secrets['request-sealing'], JSON.stringify(content), associated(binding))
}

/**
 * Opens a challenge that a browser has sent back.
 *
 * @param presented what came with the answer
 * @returns undefined if Signet did not make it for this browser and this use, or if it has expired
 * @throws what reloading the secrets throws
 */
export async function openChallenge(
  { secrets, clock }: Signet,
  presented: string,
  binding: Binding,
): Promise<OpenedChallenge | undefined> {
  const secret = await secretFor(secrets, 'request-sealing', presented)
  const text = unsealText(secret, presented, associated(binding))
  if (text === undefined) return undefined
  const [expiresAt, sub] = JSON.parse(text) as [number, Sub | null]
  // Of the bytes: base64url can be written in several ways, and each challenge is accepted once.
  const bytes = Buffer.from(presented, 'base64url')
  return clock.now() < expiresAt ? { digest: digest(bytes), sub: sub ?? undefined, expiresAt } : undefined
}

function associated({ ceremony, use, browserDigest }: Binding): string {
  return `passkey-${ceremony}:${use}:${browserDigest.toString('base64url')}`
}
