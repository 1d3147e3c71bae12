import type { FastifyRequest } from 'fastify'
import { deviceOf } from '../../interaction/device-of-request.ts'
import type { SentPasskey } from '../../operations/first-passkey.ts'
import { passkeyCreationOptions } from '../../operations/passkey-options.ts'
import { randomText } from '../../platform/secrets/digest.ts'
import type { Sub } from '../../records/ids.ts'
import type { Signet } from '../../signet.ts'
import type { FirstCredentialProps } from './sign-up-page.tsx'

/**
 * What a new account can be created with. The account of a passkey is named before it exists: the challenge says which it is going to be.
 *
 * @param browserDigest the digest of the browser's cookie
 * @param email if it is fixed. Otherwise the script takes it from the field
 */
export function firstCredential(signet: Signet, browserDigest: Buffer, email = ''): FirstCredentialProps {
  const sub = randomText(16) as Sub
  const named = { name: email, displayName: email }
  return {
    takesPassword: signet.settings.passwordSignIn === 'on',
    passkeyOptions: passkeyCreationOptions(signet, { browserDigest, sub, ...named, existing: [], use: 'sign-up' }),
  }
}

/** The passkey that came with a form. @param answer the field `credential` */
export async function sentPasskey(request: FastifyRequest, answer: string | undefined): Promise<SentPasskey> {
  return { answer, device: await deviceOf(request) }
}
