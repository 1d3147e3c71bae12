import { digest, equalInConstantTime } from '../platform/secrets/digest.ts'
import { claimedAssertion } from './client-assertion.ts'
import { OAuthError } from './errors/oauth-error.ts'
import type { Form } from './http/form.ts'
import { type Parameters, wasSent } from './http/parameters.ts'

/** The form parameters for client authentication (RFC 6749 §2.3.1, RFC 7521 §4.2), with their maximum length in characters. */
export const credentialParameters = {
  client_id: 255,
  client_secret: 255,
  client_assertion_type: 255,
  client_assertion: 8192,
}

type CredentialForm = Form<keyof typeof credentialParameters>

/** The client credentials in a request. */
export type PresentedCredentials = { readonly clientId: string } & (
  | { readonly method: 'client_secret_basic' | 'client_secret_post'; readonly secret: string }
  | { readonly method: 'client_secret_jwt' | 'private_key_jwt'; readonly assertion: string }
  | { readonly method: 'none' }
)

const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/**
 * Reads client credentials from a request (RFC 6749 §2.3).
 *
 * @param authorization the Authorization header
 * @throws OAuthError if there are none, or more than one kind (RFC 6749 §2.3: one method per request)
 */
export function presentedCredentials(authorization: string | undefined, body: CredentialForm): PresentedCredentials {
  const sources = [authorization, body.client_secret, body.client_assertion ?? body.client_assertion_type]
  const used = ['Authorization', 'client_secret', 'client_assertion'].filter((_, index) => sources[index] !== undefined)
  if (used.length > 1) throw new OAuthError('client_authenticates_twice', { detail: used.join(' and ') })
  const presented = authorization === undefined ? fromBody(body) : fromHeader(authorization)
  if (body.client_id !== undefined && body.client_id !== presented.clientId)
    throw new OAuthError('client_id_contradicts', { detail: `${presented.method}: client ${presented.clientId}` })
  return presented
}

function fromHeader(authorization: string): PresentedCredentials {
  const credentials = parseBasic(authorization)
  if (!credentials) throw new OAuthError('client_credentials_malformed')
  return { method: 'client_secret_basic', clientId: credentials.clientId, secret: credentials.secret }
}

function fromBody(body: CredentialForm): PresentedCredentials {
  if (body.client_assertion !== undefined || body.client_assertion_type !== undefined) {
    // RFC 7521 §4.2.
    if (body.client_assertion === undefined || body.client_assertion_type !== assertionType)
      throw new OAuthError('client_assertion_type_wrong')
    const claimed = claimedAssertion(body.client_assertion)
    if (!claimed) throw new OAuthError('client_assertion_unreadable')
    return { ...claimed, assertion: body.client_assertion }
  }
  if (body.client_id === undefined) throw new OAuthError('client_not_named')
  return body.client_secret === undefined
    ? { method: 'none', clientId: body.client_id }
    : { method: 'client_secret_post', clientId: body.client_id, secret: body.client_secret }
}

/** Reads Basic credentials (RFC 7617 §2) whose id and secret are form-encoded (RFC 6749 §2.3.1, Appendix B). */
export function parseBasic(authorization: string): { clientId: string; secret: string } | undefined {
  if (authorization.slice(0, 6).toLowerCase() !== 'basic ') return undefined
  const encoded = authorization.slice(6).trimStart()
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(encoded)) return undefined
  const pair = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = pair.indexOf(':')
  if (colon < 1) return undefined
  const clientId = formDecoded(pair.slice(0, colon))
  const secret = formDecoded(pair.slice(colon + 1))
  return clientId === undefined || secret === undefined ? undefined : { clientId, secret }
}

/** Undefined for malformed percent-encoding, and for control characters (RFC 7617 §2), which would act on the terminal of whoever reads the log. */
function formDecoded(text: string): string | undefined {
  try {
    const decoded = /[%+]/.test(text) ? decodeURIComponent(text.replaceAll('+', ' ')) : text
    return /\p{Cc}/u.test(decoded) ? undefined : decoded
  } catch {
    return undefined
  }
}

const dummyDigest = digest('')

/**
 * Finds the valid secret that the client sent. It compares with every secret, without stopping at the first match.
 *
 * @param secrets undefined if the client is unknown or uses no secret; a dummy comparison then takes the same time
 */
export function matchingSecret<Secret extends { readonly digest: Buffer }>(
  secrets: readonly Secret[] | undefined,
  presented: string,
): Secret | undefined {
  const presentedDigest = digest(presented)
  const matches = (secrets ?? []).filter((secret) => equalInConstantTime(secret.digest, presentedDigest))
  if (!secrets) equalInConstantTime(dummyDigest, presentedDigest)
  return matches[0]
}

/**
 * The error with the status 401 and a challenge, for a client that failed to authenticate by the Authorization header (RFC 6749 §5.2). Other
 * failures get 400 and no challenge, because many libraries report a challenge instead of the error in the body. The challenge repeats the error
 * for those libraries. RFC 9110 §11.2 allows parameters that the scheme does not define.
 */
export function challenged(error: OAuthError): OAuthError {
  const parameters = [
    'realm="Signet"',
    'charset="UTF-8"',
    `error=${quotedString(error.code)}`,
    `error_description=${quotedString(error.message)}`,
  ]
  const { entry, param, detail, isRecorded } = error
  const headers = { 'www-authenticate': `Basic ${parameters.join(', ')}` }
  return new OAuthError(entry, { status: 401, headers, param, detail, isRecorded })
}

/** RFC 9110 §5.6.4: quotes and backslashes are escaped. */
function quotedString(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`
}

/**
 * RFC 6749 §2.3.1: credentials must not be sent in the URL, where servers and proxies log them. A request that has them there is refused even
 * if it also authenticates in another way, so that the developer notices.
 *
 * @returns the error; undefined if there are none
 */
export function credentialsInQuery(query: Parameters): OAuthError | undefined {
  const name = ['client_secret', 'client_assertion'].find((one) => wasSent(query, one))
  return name === undefined ? undefined : new OAuthError('client_credentials_in_query', { param: name })
}
