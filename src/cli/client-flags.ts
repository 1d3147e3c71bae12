import { type Command, Option } from 'commander'
import {
  assertionAlgorithms,
  clientAssertionAlgorithms,
  idTokenAlgorithms,
  signingAlgorithms,
} from '../platform/jwt/algorithms.ts'
import { contextClasses, responseTypes } from '../protocol/oidc-values.ts'
import {
  applicationTypes,
  authenticationMethods,
  type ClientMetadata,
  grantTypes,
  subjectTypes,
} from '../records/clients/client.ts'
import {
  addBooleanFlag,
  addChoiceFlag,
  jsonValue,
  manyValues,
  manyWords,
  notEmpty,
  oneValue,
  seconds,
} from './flags.ts'

/** A flag, the metadata member that it sets, and whether an empty value removes that member. */
interface ClientFlag {
  readonly member: keyof ClientMetadata
  readonly option: Option
  readonly optional?: true
}

/** One flag for each member. If the member is a list, the flag has the singular name and can be repeated. */
const valueFlags = (): ClientFlag[] => [
  { member: 'client_name', option: oneValue('--name <text>', 'name of the application, as users see it') },
  {
    member: 'application_type',
    option: oneValue('--application-type <type>', `one of ${applicationTypes.join(', ')}`),
  },
  {
    member: 'redirect_uris',
    option: manyValues('--redirect-uri <uri>', 'where users return to after signing in'),
  },
  {
    member: 'post_logout_redirect_uris',
    option: manyValues('--post-logout-redirect-uri <uri>', 'where users may return to after signing out'),
  },
  { member: 'grant_types', option: manyValues('--grant-type <type>', `one of ${grantTypes.join(', ')}`) },
  {
    member: 'response_types',
    option: manyValues(
      '--response-type <type>',
      `one of "${responseTypes.join('", "')}"; derived from the grant types if omitted`,
    ),
  },
  { member: 'scope', option: manyWords('--scope <scope>', 'scope that the client may request') },
  {
    member: 'token_endpoint_auth_method',
    option: oneValue(
      '--token-endpoint-auth-method <method>',
      `one of ${authenticationMethods.join(', ')}; none makes a public client; default: a secret, sent with Basic or in the body`,
    ),
    optional: true,
  },
  {
    member: 'token_endpoint_auth_signing_alg',
    option: oneValue('--token-endpoint-auth-signing-alg <alg>', `one of ${clientAssertionAlgorithms.join(', ')}`),
    optional: true,
  },
  {
    member: 'jwks',
    option: jsonValue('--jwks <json>', 'its public keys as a JWK Set, for private_key_jwt and request objects'),
    optional: true,
  },
  {
    member: 'jwks_uri',
    option: oneValue('--jwks-uri <uri>', 'where its public keys are (https), instead of --jwks'),
    optional: true,
  },
  {
    member: 'subject_type',
    option: oneValue('--subject-type <type>', `one of ${subjectTypes.join(', ')}`),
  },
  {
    member: 'sector_identifier_uri',
    option: oneValue(
      '--sector-identifier-uri <uri>',
      'JSON list of the redirect URIs of all clients that see the same pairwise subjects (https)',
    ),
    optional: true,
  },
  {
    member: 'id_token_signed_response_alg',
    option: oneValue('--id-token-signed-response-alg <alg>', `one of ${idTokenAlgorithms.join(', ')}`),
  },
  {
    member: 'userinfo_signed_response_alg',
    option: oneValue(
      '--userinfo-signed-response-alg <alg>',
      `sign userinfo responses: one of ${signingAlgorithms.join(', ')}`,
    ),
    optional: true,
  },
  {
    member: 'request_object_signing_alg',
    option: oneValue(
      '--request-object-signing-alg <alg>',
      `the only algorithm of its request objects: one of ${assertionAlgorithms.join(', ')}`,
    ),
    optional: true,
  },
  { member: 'request_uris', option: manyValues('--request-uri <uri>', 'where a request object may be (https)') },
  {
    member: 'default_max_age',
    option: seconds('--default-max-age <seconds>', 'maximum age of a sign-in, for requests without max_age'),
    optional: true,
  },
  {
    member: 'default_acr_values',
    option: manyValues(
      '--default-acr-value <class>',
      `how strong a sign-in must be, for requests that ask for nothing: one of ${contextClasses.join(', ')}`,
    ),
  },
  { member: 'client_uri', option: oneValue('--client-uri <uri>', 'its home page (https)'), optional: true },
  { member: 'logo_uri', option: oneValue('--logo-uri <uri>', 'its logo (https)'), optional: true },
  { member: 'policy_uri', option: oneValue('--policy-uri <uri>', 'its privacy policy (https)'), optional: true },
  { member: 'tos_uri', option: oneValue('--tos-uri <uri>', 'its terms of service (https)'), optional: true },
  {
    member: 'initiate_login_uri',
    option: oneValue(
      '--initiate-login-uri <uri>',
      'where a sign-in can be started from outside the application (https)',
    ),
    optional: true,
  },
  {
    member: 'backchannel_logout_uri',
    option: oneValue('--backchannel-logout-uri <uri>', 'where it is told that a user has signed out (https)'),
    optional: true,
  },
  {
    member: 'frontchannel_logout_uri',
    option: oneValue(
      '--frontchannel-logout-uri <uri>',
      'page of the application that is loaded in the browser of a user who signs out',
    ),
    optional: true,
  },
  { member: 'contacts', option: manyValues('--contact <address>', 'contact address for questions about it') },
  { member: 'software_id', option: oneValue('--software-id <id>', 'identifies the software'), optional: true },
  {
    member: 'software_version',
    option: oneValue('--software-version <version>', 'version of the software'),
    optional: true,
  },
  { member: 'resources', option: manyValues('--resource <identifier>', 'resource that it may request tokens for') },
  {
    member: 'groups',
    option: manyValues('--group <name>', 'group that it may see, if it requests groups or roles; "*" for all'),
  },
]

const pkceFlag = {
  member: 'require_pkce',
  name: 'require-pkce',
  about:
    'auto (default): require PKCE, but accept a nonce instead from a confidential client; true, or no value: always require PKCE; false: require neither',
  values: { auto: 'auto', true: true, false: false },
} as const

const booleanFlags = [
  {
    member: 'require_auth_time',
    name: 'require-auth-time',
    about: 'accepted for compatibility; ID tokens always contain auth_time',
  },
  {
    member: 'require_issuer_audience',
    name: 'require-issuer-audience',
    about: 'accept only client assertions whose aud is the issuer, as a string (private_key_jwt, client_secret_jwt)',
  },
  {
    member: 'require_signed_request_object',
    name: 'require-signed-request-object',
    about: 'refuse authorization requests that are not in a signed request object',
  },
  {
    member: 'require_pushed_authorization_requests',
    name: 'require-pushed-authorization-requests',
    about: 'refuse authorization requests that were not pushed to /par',
  },
  {
    member: 'backchannel_logout_session_required',
    name: 'backchannel-logout-session-required',
    about: 'accepted for compatibility; logout tokens always contain sid',
  },
  {
    member: 'frontchannel_logout_session_required',
    name: 'frontchannel-logout-session-required',
    about: 'accepted for compatibility; iss and sid are always added to --frontchannel-logout-uri',
  },
  { member: 'first_party', name: 'first-party', about: 'do not ask users for consent' },
  {
    member: 'refresh_token_rotation',
    name: 'refresh-token-rotation',
    about: 'issue a new refresh token at every use (always on for public clients)',
  },
  {
    member: 'id_token_profile_claims',
    name: 'id-token-profile-claims',
    about: 'put what userinfo returns into ID tokens too (default)',
  },
] as const satisfies readonly { member: keyof ClientMetadata; name: string; about: string }[]

/**
 * Adds the flags of client metadata to a command.
 *
 * @returns a function that reads the given members by name; null if an empty value removes one
 */
export function addClientFlags(
  command: Command,
  { nameIs }: { nameIs: 'required' | 'optional' },
): () => Record<string, unknown> {
  const flags = valueFlags()
  for (const { member, option } of flags)
    command.addOption(
      member === 'client_name' && nameIs === 'required' ? notEmpty(option).makeOptionMandatory() : option,
    )
  addChoiceFlag(command, pkceFlag.name, pkceFlag.about, pkceFlag.values)
  for (const { name, about } of booleanFlags) addBooleanFlag(command, name, about)
  return () => {
    const given = command.opts<Record<string, unknown>>()
    const metadata: Record<string, unknown> = {}
    for (const { member, option, optional } of flags) {
      const value = given[option.attributeName()]
      if (value === undefined) continue
      metadata[member] = member === 'scope' ? (value as string[]).join(' ') : optional && value === '' ? null : value
    }
    for (const { member, name } of [pkceFlag, ...booleanFlags]) {
      const value = given[new Option(`--${name}`).attributeName()]
      if (value !== undefined) metadata[member] = value
    }
    return metadata
  }
}
