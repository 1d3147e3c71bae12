import { type Static, Type } from 'typebox'
import { credentialParameters } from '../../records/clients/client-authentication.ts'

const text = (maxLength: number) => Type.Optional(Type.String({ maxLength }))

/**
 * The parameters of all grant types (RFC 6749 §4.1.3, §4.4.2, §6; RFC 7636 §4.5; RFC 8707 §2.2) with bounds on their length.
 * Unknown ones are ignored (RFC 6749 §3.2); which are needed is each grant type's matter.
 */
export const TokenRequest = Type.Object({
  grant_type: text(200),
  ...credentialParameters,
  code: text(255),
  redirect_uri: text(4096),
  // RFC 7636 §4.1: 43*128unreserved.
  code_verifier: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9._~-]{43,128}$' })),
  refresh_token: text(255),
  scope: text(4096),
  resource: Type.Optional(Type.Array(Type.String({ maxLength: 2048 }), { maxItems: 20 })),
})
export type TokenRequest = Static<typeof TokenRequest>

/** A successful answer (RFC 6749 §5.1, OpenID Connect Core §3.1.3.3). */
export interface TokenResponse {
  readonly access_token: string
  readonly token_type: 'Bearer'
  /** Seconds. */
  readonly expires_in: number
  readonly scope: string
  readonly refresh_token?: string
  readonly id_token?: string
}
