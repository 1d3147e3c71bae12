import { contentsOf, type ResponseType } from '../../../src/protocol/oidc-values.ts'
import { verifyDiscovery } from '../modules/discovery.ts'
import { refreshWithRotatedKeys } from '../modules/refresh.ts'
import * as registration from '../modules/registration.ts'
import * as objects from '../modules/request-objects.ts'
import { rotateServerKeys } from '../modules/rotation.ts'
import { pick } from './catalogue.ts'
import type { PlannedModule } from './plan.ts'

/** The Dynamic plan, in the order of the suite, without the modules that do not apply to a response type. */
export function dynamic(type: ResponseType): readonly PlannedModule[] {
  const { code, idToken, accessToken } = contentsOf(type)
  return [
    { name: 'oidcc-idtoken-rs256', module: registration.idTokenRs256 },
    // An ID token from the authorization endpoint is always signed (OpenID Connect Core §2).
    ...(idToken ? [] : pick('oidcc-idtoken-unsigned')),
    ...(code || accessToken ? [{ name: 'oidcc-userinfo-rs256', module: registration.userinfoRs256 }] : []),
    { name: 'oidcc-ensure-redirect-uri-in-authorization-request', module: registration.redirectUriMissing },
    { name: 'oidcc-redirect-uri-query-OK', module: registration.redirectUriWithQuery },
    {
      name: 'oidcc-redirect-uri-query-mismatch',
      module: registration.otherRedirectUri('?foo=bar', '?bar=foo'),
    },
    { name: 'oidcc-redirect-uri-query-added', module: registration.otherRedirectUri('', '?foo=bar') },
    { name: 'oidcc-redirect-uri-regfrag', module: registration.redirectUriWithFragment },
    { name: 'oidcc-discovery-endpoint-verification', module: verifyDiscovery },
    ...pick('oidcc-server'),
    { name: 'oidcc-registration-logo-uri', module: registration.logo },
    { name: 'oidcc-registration-policy-uri', module: registration.link('policy_uri') },
    { name: 'oidcc-registration-tos-uri', module: registration.link('tos_uri') },
    ...(code ? [{ name: 'oidcc-registration-jwks-uri', module: registration.jwksUri }] : []),
    { name: 'oidcc-registration-sector-uri', module: registration.sectorIdentifier },
    { name: 'oidcc-registration-sector-bad', module: registration.badSectorIdentifier },
    { name: 'oidcc-server-rotate-keys', module: rotateServerKeys },
    ...(code ? [{ name: 'oidcc-refresh-token-rp-key-rotation', module: refreshWithRotatedKeys }] : []),
    {
      name: 'oidcc-request-uri-unsigned',
      module: objects.unsignedRequestUri,
      skipped: /request objects are always signed/,
    },
    { name: 'oidcc-request-uri-signed-rs256', module: objects.signedRequestUri },
    ...pick('oidcc-ensure-request-object-with-redirect-uri'),
    ...(code ? pick('oidcc-refresh-token') : []),
    { name: 'oidcc-ensure-client-assertion-with-iss-aud-succeeds', module: registration.assertionForIssuer },
  ]
}

export const thirdPartyInitiated: readonly PlannedModule[] = [
  { name: 'oidcc-3rd_party-init-login', module: registration.initiateLogin },
  { name: 'oidcc-3rd_party-init-login-nohttps', module: registration.initiateLoginWithoutTls },
]
