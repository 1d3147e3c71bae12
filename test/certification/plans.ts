import * as core from './modules/core.ts'
import { verifyDiscovery } from './modules/discovery.ts'
import * as logout from './modules/logout.ts'
import { refreshToken, refreshWithRotatedKeys } from './modules/refresh.ts'
import * as registration from './modules/registration.ts'
import * as objects from './modules/request-objects.ts'
import { rotateServerKeys } from './modules/rotation.ts'
import type { Module, Variant } from './support/play.ts'

/** A module of a plan, and how it ends if it does not simply pass. */
export interface PlannedModule {
  readonly name: string
  readonly module: Module
  /** All warnings that are expected. */
  readonly warnings?: readonly string[]
  /** Why the suite passes over it. */
  readonly skipped?: RegExp
  /** Why it fails, if that cannot be avoided. */
  readonly fails?: RegExp
  /** Replaces parts of the plan's variant. */
  readonly variant?: Partial<Variant>
  /** Whether the suite leaves it out with static clients. */
  readonly needsRegistration?: true
}

/** A certification plan with the variant that is played. */
export interface Plan {
  /** The name in the suite. */
  readonly name: string
  readonly variant: Variant
  readonly modules: readonly PlannedModule[]
}

const staticClient: Variant = {
  registration: 'static_client',
  authentication: 'client_secret_basic',
  responseMode: 'default',
}

const dynamicClient: Variant = { ...staticClient, registration: 'dynamic_client' }

const noUnsignedObjects = /request objects are always signed/

/** The modules of the Basic plan, in the order of the suite. */
const basic: readonly PlannedModule[] = [
  { name: 'oidcc-server', module: core.server },
  { name: 'oidcc-response-type-missing', module: core.responseTypeMissing },
  { name: 'oidcc-idtoken-signature', module: core.idTokenSignature, needsRegistration: true },
  {
    name: 'oidcc-idtoken-unsigned',
    module: core.idTokenUnsigned,
    skipped: /ID tokens are always signed/,
    needsRegistration: true,
  },
  { name: 'oidcc-userinfo-get', module: core.userinfoGet },
  { name: 'oidcc-userinfo-post-header', module: core.userinfoPostHeader },
  { name: 'oidcc-userinfo-post-body', module: core.userinfoPostBody },
  { name: 'oidcc-ensure-request-without-nonce-succeeds-for-code-flow', module: core.withoutNonce },
  { name: 'oidcc-scope-profile', module: core.scopes('profile') },
  { name: 'oidcc-scope-email', module: core.scopes('email') },
  { name: 'oidcc-scope-address', module: core.scopes('address') },
  { name: 'oidcc-scope-phone', module: core.scopes('phone') },
  { name: 'oidcc-scope-all', module: core.scopes('profile', 'email', 'address', 'phone') },
  { name: 'oidcc-alternate-happy-flow', module: core.otherOrder },
  { name: 'oidcc-display-page', module: core.accepts({ display: 'page' }) },
  { name: 'oidcc-display-popup', module: core.accepts({ display: 'popup' }) },
  { name: 'oidcc-prompt-login', module: core.promptLogin },
  { name: 'oidcc-prompt-none-not-logged-in', module: core.promptNoneNotLoggedIn },
  { name: 'oidcc-prompt-none-logged-in', module: core.promptNoneLoggedIn },
  { name: 'oidcc-max-age-1', module: core.maxAge1 },
  { name: 'oidcc-max-age-10000', module: core.maxAge10000 },
  {
    name: 'oidcc-ensure-request-with-unknown-parameter-succeeds',
    module: core.accepts({ extra: 'foobar' }),
  },
  { name: 'oidcc-id-token-hint', module: core.idTokenHint },
  { name: 'oidcc-login-hint', module: core.loginHint },
  { name: 'oidcc-ui-locales', module: core.accepts({ ui_locales: 'se' }) },
  { name: 'oidcc-claims-locales', module: core.accepts({ claims_locales: 'se' }) },
  { name: 'oidcc-ensure-request-with-acr-values-succeeds', module: core.acrValues },
  { name: 'oidcc-codereuse', module: core.codeReuse },
  { name: 'oidcc-codereuse-30seconds', module: core.codeReuseAfter30Seconds },
  { name: 'oidcc-ensure-registered-redirect-uri', module: core.registeredRedirectUri },
  { name: 'oidcc-ensure-post-request-succeeds', module: core.postRequest },
  {
    name: 'oidcc-server-client-secret-post',
    module: core.server,
    variant: { authentication: 'client_secret_post' },
  },
  {
    name: 'oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported',
    module: objects.unsignedRequestUri,
    skipped: noUnsignedObjects,
    needsRegistration: true,
  },
  {
    name: 'oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported',
    module: objects.unsignedRequestObject,
    skipped: noUnsignedObjects,
  },
  { name: 'oidcc-claims-essential', module: core.claimsEssential },
  {
    name: 'oidcc-ensure-request-object-with-redirect-uri',
    module: objects.requestObjectWithRedirectUri,
    skipped: noUnsignedObjects,
  },
  { name: 'oidcc-refresh-token', module: refreshToken },
  { name: 'oidcc-ensure-request-with-valid-pkce-succeeds', module: core.validPkce },
]

const withoutRegistration = basic.filter(({ needsRegistration }) => !needsRegistration)

/** The modules of the Dynamic plan for the response type `code`, in the order of the suite. */
const dynamic: readonly PlannedModule[] = [
  { name: 'oidcc-idtoken-rs256', module: registration.idTokenRs256 },
  { name: 'oidcc-idtoken-unsigned', module: core.idTokenUnsigned, skipped: /ID tokens are always signed/ },
  { name: 'oidcc-userinfo-rs256', module: registration.userinfoRs256 },
  { name: 'oidcc-ensure-redirect-uri-in-authorization-request', module: registration.redirectUriMissing },
  { name: 'oidcc-redirect-uri-query-OK', module: registration.redirectUriWithQuery },
  {
    name: 'oidcc-redirect-uri-query-mismatch',
    module: registration.otherRedirectUri('?foo=bar', '?bar=foo'),
  },
  { name: 'oidcc-redirect-uri-query-added', module: registration.otherRedirectUri('', '?foo=bar') },
  { name: 'oidcc-redirect-uri-regfrag', module: registration.redirectUriWithFragment },
  // OpenID Connect Core §15.2 asks dynamic providers for the implicit flow, which RFC 9700 §2.1.2 advises against.
  { name: 'oidcc-discovery-endpoint-verification', module: verifyDiscovery, fails: /no response type id_token/ },
  { name: 'oidcc-server', module: core.server },
  { name: 'oidcc-registration-logo-uri', module: registration.logo },
  { name: 'oidcc-registration-policy-uri', module: registration.link('policy_uri') },
  { name: 'oidcc-registration-tos-uri', module: registration.link('tos_uri') },
  { name: 'oidcc-registration-jwks-uri', module: registration.jwksUri },
  { name: 'oidcc-registration-sector-uri', module: registration.sectorIdentifier },
  { name: 'oidcc-registration-sector-bad', module: registration.badSectorIdentifier },
  { name: 'oidcc-server-rotate-keys', module: rotateServerKeys },
  { name: 'oidcc-refresh-token-rp-key-rotation', module: refreshWithRotatedKeys },
  { name: 'oidcc-request-uri-unsigned', module: objects.unsignedRequestUri, skipped: noUnsignedObjects },
  { name: 'oidcc-request-uri-signed-rs256', module: objects.signedRequestUri },
  {
    name: 'oidcc-ensure-request-object-with-redirect-uri',
    module: objects.requestObjectWithRedirectUri,
    skipped: noUnsignedObjects,
  },
  { name: 'oidcc-refresh-token', module: refreshToken },
  { name: 'oidcc-ensure-client-assertion-with-iss-aud-succeeds', module: registration.assertionForIssuer },
]

const rpInitiated = (name: string) => `oidcc-rp-initiated-logout${name}`

const rpInitiatedLogout: readonly PlannedModule[] = [
  { name: rpInitiated('-discovery-endpoint-verification'), module: logout.logoutDiscovery },
  { name: rpInitiated(''), module: logout.redirects() },
  {
    name: rpInitiated('-bad-post-logout-redirect-uri'),
    module: logout.refuses(({ post_logout_redirect_uri }) => ({
      post_logout_redirect_uri: `${post_logout_redirect_uri}/unregistered`,
    })),
  },
  { name: rpInitiated('-modified-id-token-hint'), module: logout.refuses(logout.unsignedHint) },
  { name: rpInitiated('-no-id-token-hint'), module: logout.refuses(() => ({ id_token_hint: '' })) },
  {
    name: rpInitiated('-no-params'),
    module: logout.saysSignedOut(() => ({ id_token_hint: '', post_logout_redirect_uri: '', state: '' })),
  },
  {
    name: rpInitiated('-no-post-logout-redirect-uri'),
    module: logout.saysSignedOut(() => ({ post_logout_redirect_uri: '' })),
  },
  { name: rpInitiated('-no-state'), module: logout.redirects(() => ({ state: '' })) },
  {
    name: rpInitiated('-only-state'),
    module: logout.saysSignedOut(() => ({ id_token_hint: '', post_logout_redirect_uri: '' })),
  },
  {
    name: rpInitiated('-query-added-to-post-logout-redirect-uri'),
    module: logout.refuses(({ post_logout_redirect_uri }) => ({
      post_logout_redirect_uri: `${post_logout_redirect_uri}?foo=bar`,
    })),
  },
  { name: rpInitiated('-bad-id-token-hint'), module: logout.refuses(logout.foreignHint) },
]

export const plans: readonly Plan[] = [
  {
    name: 'oidcc-config-certification-test-plan',
    variant: staticClient,
    modules: [{ name: 'oidcc-discovery-endpoint-verification', module: verifyDiscovery }],
  },
  { name: 'oidcc-basic-certification-test-plan', variant: staticClient, modules: withoutRegistration },
  { name: 'oidcc-basic-certification-test-plan', variant: dynamicClient, modules: basic },
  {
    name: 'oidcc-formpost-basic-certification-test-plan',
    variant: { ...staticClient, responseMode: 'form_post' },
    modules: withoutRegistration,
  },
  {
    name: 'oidcc-formpost-basic-certification-test-plan',
    variant: { ...dynamicClient, responseMode: 'form_post' },
    modules: basic,
  },
  {
    name: 'oidcc-dynamic-certification-test-plan',
    variant: { ...dynamicClient, authentication: 'private_key_jwt' },
    modules: dynamic,
  },
  {
    name: 'oidcc-3rdparty-init-login-certification-test-plan',
    variant: dynamicClient,
    modules: [
      { name: 'oidcc-3rd_party-init-login', module: registration.initiateLogin },
      { name: 'oidcc-3rd_party-init-login-nohttps', module: registration.initiateLoginWithoutTls },
    ],
  },
  { name: 'oidcc-rp-initiated-logout-certification-test-plan', variant: staticClient, modules: rpInitiatedLogout },
  { name: 'oidcc-rp-initiated-logout-certification-test-plan', variant: dynamicClient, modules: rpInitiatedLogout },
]
