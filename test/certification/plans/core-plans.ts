import type { ResponseType } from '../../../src/protocol/oidc-values.ts'
import { pick } from './catalogue.ts'
import type { PlannedModule } from './plan.ts'

/** All lists are in the order of the suite. These are in all of them, at the same place. */
const scopes = pick(
  ...(['oidcc-scope-profile', 'oidcc-scope-email', 'oidcc-scope-address', 'oidcc-scope-phone'] as const),
  'oidcc-scope-all',
)
const displays = pick('oidcc-display-page', 'oidcc-display-popup')
const prompts = pick(
  ...(['oidcc-prompt-login', 'oidcc-prompt-none-not-logged-in', 'oidcc-prompt-none-logged-in'] as const),
  ...(['oidcc-max-age-1', 'oidcc-max-age-10000', 'oidcc-ensure-request-with-unknown-parameter-succeeds'] as const),
  ...(['oidcc-id-token-hint', 'oidcc-login-hint', 'oidcc-ui-locales', 'oidcc-claims-locales'] as const),
  'oidcc-ensure-request-with-acr-values-succeeds',
)
const userinfo = pick('oidcc-userinfo-get', 'oidcc-userinfo-post-header', 'oidcc-userinfo-post-body')
const codes = pick('oidcc-codereuse', 'oidcc-codereuse-30seconds')
const redirectUri = pick('oidcc-ensure-registered-redirect-uri')
const unsignedObjects = pick(
  'oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported',
  'oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported',
)
const claims = pick('oidcc-claims-essential')
const objectWithRedirectUri = pick('oidcc-ensure-request-object-with-redirect-uri')
const otherOrder = pick('oidcc-alternate-happy-flow')

/** The Basic plan: response type `code`. */
export const basic: readonly PlannedModule[] = [
  ...pick('oidcc-server', 'oidcc-response-type-missing', 'oidcc-idtoken-signature', 'oidcc-idtoken-unsigned'),
  ...userinfo,
  ...pick('oidcc-ensure-request-without-nonce-succeeds-for-code-flow'),
  ...scopes,
  ...otherOrder,
  ...displays,
  ...prompts,
  ...codes,
  ...redirectUri,
  ...pick('oidcc-ensure-post-request-succeeds', 'oidcc-server-client-secret-post'),
  ...unsignedObjects,
  ...claims,
  ...objectWithRedirectUri,
  ...pick('oidcc-refresh-token', 'oidcc-ensure-request-with-valid-pkce-succeeds'),
]

/** The Implicit plan has the whole list for `id_token`, and then for `id_token token`, with four more modules. */
export function implicit(type: ResponseType): readonly PlannedModule[] {
  return [
    ...pick('oidcc-server', 'oidcc-idtoken-signature', 'oidcc-ensure-request-without-nonce-fails'),
    ...scopes,
    ...otherOrder,
    ...displays,
    ...prompts,
    ...redirectUri,
    ...unsignedObjects,
    ...objectWithRedirectUri,
    ...claims,
    ...(type === 'id_token token' ? [...userinfo, ...pick('oidcc-response-type-missing')] : []),
  ]
}

/** The Hybrid plan has three such lists. Three modules are only in the first one. */
export function hybrid(type: ResponseType): readonly PlannedModule[] {
  const isFirst = type === 'code id_token'
  return [
    ...pick('oidcc-server'),
    ...(isFirst ? pick('oidcc-response-type-missing') : []),
    ...pick('oidcc-idtoken-signature'),
    ...userinfo,
    ...(type === 'code token'
      ? pick('oidcc-ensure-request-without-nonce-succeeds-for-code-flow')
      : pick('oidcc-ensure-request-without-nonce-fails')),
    ...scopes,
    ...(isFirst ? otherOrder : []),
    ...displays,
    ...prompts,
    ...codes,
    ...redirectUri,
    ...pick('oidcc-server-client-secret-post'),
    ...unsignedObjects,
    ...claims,
    ...objectWithRedirectUri,
    ...pick('oidcc-refresh-token'),
    ...(isFirst ? pick('oidcc-ensure-request-with-valid-pkce-succeeds') : []),
  ]
}
