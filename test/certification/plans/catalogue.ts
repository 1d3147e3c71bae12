import * as codes from '../modules/codes.ts'
import * as core from '../modules/core.ts'
import { refreshToken } from '../modules/refresh.ts'
import * as objects from '../modules/request-objects.ts'
import * as sessions from '../modules/sessions.ts'
import type { PlannedModule } from './plan.ts'

const noUnsignedObjects = /request objects are always signed/

/** The modules that several plans have. */
const catalogue = {
  'oidcc-server': { module: core.server },
  'oidcc-response-type-missing': { module: core.responseTypeMissing },
  'oidcc-idtoken-signature': { module: core.idTokenSignature, needsRegistration: true },
  'oidcc-idtoken-unsigned': {
    module: core.idTokenUnsigned,
    skipped: /ID tokens are always signed/,
    needsRegistration: true,
  },
  'oidcc-userinfo-get': { module: core.userinfoGet },
  'oidcc-userinfo-post-header': { module: core.userinfoPostHeader },
  'oidcc-userinfo-post-body': { module: core.userinfoPostBody },
  'oidcc-ensure-request-without-nonce-succeeds-for-code-flow': { module: core.withoutNonceSucceeds },
  'oidcc-ensure-request-without-nonce-fails': { module: core.withoutNonceFails },
  'oidcc-scope-profile': { module: core.scopes('profile') },
  'oidcc-scope-email': { module: core.scopes('email') },
  'oidcc-scope-address': { module: core.scopes('address') },
  'oidcc-scope-phone': { module: core.scopes('phone') },
  'oidcc-scope-all': { module: core.scopes('profile', 'email', 'address', 'phone') },
  'oidcc-alternate-happy-flow': { module: core.otherOrder },
  'oidcc-display-page': { module: core.accepts({ display: 'page' }) },
  'oidcc-display-popup': { module: core.accepts({ display: 'popup' }) },
  'oidcc-prompt-login': { module: sessions.promptLogin },
  'oidcc-prompt-none-not-logged-in': { module: sessions.promptNoneNotLoggedIn },
  'oidcc-prompt-none-logged-in': { module: sessions.promptNoneLoggedIn },
  'oidcc-max-age-1': { module: sessions.maxAge1 },
  'oidcc-max-age-10000': { module: sessions.maxAge10000 },
  'oidcc-ensure-request-with-unknown-parameter-succeeds': { module: core.accepts({ extra: 'foobar' }) },
  'oidcc-id-token-hint': { module: sessions.idTokenHint },
  'oidcc-login-hint': { module: core.loginHint },
  'oidcc-ui-locales': { module: core.accepts({ ui_locales: 'se' }) },
  'oidcc-claims-locales': { module: core.accepts({ claims_locales: 'se' }) },
  'oidcc-ensure-request-with-acr-values-succeeds': { module: core.acrValues },
  'oidcc-codereuse': { module: codes.codeReuse },
  'oidcc-codereuse-30seconds': { module: codes.codeReuseAfter30Seconds },
  'oidcc-ensure-registered-redirect-uri': { module: core.registeredRedirectUri },
  'oidcc-ensure-post-request-succeeds': { module: core.postRequest },
  'oidcc-server-client-secret-post': { module: core.server, variant: { authentication: 'client_secret_post' } },
  'oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported': {
    module: objects.unsignedRequestUri,
    skipped: noUnsignedObjects,
    needsRegistration: true,
  },
  'oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported': {
    module: objects.unsignedRequestObject,
    skipped: noUnsignedObjects,
  },
  'oidcc-claims-essential': { module: core.claimsEssential },
  'oidcc-ensure-request-object-with-redirect-uri': {
    module: objects.requestObjectWithRedirectUri,
    skipped: noUnsignedObjects,
  },
  'oidcc-refresh-token': { module: refreshToken },
  'oidcc-ensure-request-with-valid-pkce-succeeds': { module: codes.validPkce },
} satisfies Readonly<Record<string, Omit<PlannedModule, 'name'>>>

type Name = keyof typeof catalogue

export function pick(...names: readonly Name[]): readonly PlannedModule[] {
  return names.map((name) => ({ name, ...catalogue[name] }))
}
