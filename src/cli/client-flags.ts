import { type Command, Option } from 'commander'
import { assertionAlgorithms, signingAlgorithms } from '../platform/jwt/algorithms.ts'
import { authenticationMethods, type ClientMetadata, grantTypes } from '../records/clients/client.ts'
import { addEitherWay, jsonValue, manyValues, manyWords, notEmpty, oneValue, seconds } from './flags.ts'

/** A flag, the member of the metadata that it sets, and whether an empty value takes that member away. */
interface ClientFlag {
  readonly member: keyof ClientMetadata
  readonly option: Option
  readonly optional?: true
}

/** One flag a member, singular where the member is a list, each with the rules' own words for what it takes. */
const valueFlags = (): ClientFlag[] => [
  { member: 'client_name', option: oneValue('--name <text>', 'what people call the application') },
  {
    member: 'redirect_uris',
    option: manyValues('--redirect-uri <uri>', 'where people are sent back to after signing in'),
  },
  {
    member: 'post_logout_redirect_uris',
    option: manyValues('--post-logout-redirect-uri <uri>', 'where people may be sent back to after signing out'),
  },
  { member: 'grant_types', option: manyValues('--grant-type <type>', `one of ${grantTypes.join(', ')}`) },
  { member: 'response_types', option: manyValues('--response-type <type>', 'code; follows from the grant types') },
  { member: 'scope', option: manyWords('--scope <scope>', 'what the client may ask for') },
  {
    member: 'token_endpoint_auth_method',
    option: oneValue(
      '--token-endpoint-auth-method <method>',
      `one of ${authenticationMethods.join(', ')}; none makes a public client`,
    ),
  },
  {
    member: 'token_endpoint_auth_signing_alg',
    option: oneValue('--token-endpoint-auth-signing-alg <alg>', `one of ${assertionAlgorithms.join(', ')}`),
    optional: true,
  },
  {
    member: 'jwks',
    option: jsonValue('--jwks <json>', 'its public keys, a JWK Set, for private_key_jwt'),
    optional: true,
  },
  {
    member: 'id_token_signed_response_alg',
    option: oneValue('--id-token-signed-response-alg <alg>', `one of ${signingAlgorithms.join(', ')}`),
  },
  {
    member: 'default_max_age',
    option: seconds('--default-max-age <seconds>', 'how old a sign-in may be, where a request does not say'),
    optional: true,
  },
  { member: 'client_uri', option: oneValue('--client-uri <uri>', 'its home page (https)'), optional: true },
  { member: 'logo_uri', option: oneValue('--logo-uri <uri>', 'its logo (https)'), optional: true },
  { member: 'policy_uri', option: oneValue('--policy-uri <uri>', 'its privacy policy (https)'), optional: true },
  { member: 'tos_uri', option: oneValue('--tos-uri <uri>', 'its terms of service (https)'), optional: true },
  { member: 'contacts', option: manyValues('--contact <address>', 'whom to write to about it') },
  { member: 'resources', option: manyValues('--resource <identifier>', 'a resource it may ask tokens for') },
]

const eitherWayFlags = [
  { member: 'require_auth_time', name: 'require-auth-time', about: 'ask for auth_time in ID tokens; all have it' },
  { member: 'require_pkce', name: 'require-pkce', about: 'refuse authorization requests without PKCE (the default)' },
  { member: 'first_party', name: 'first-party', about: 'do not ask people for consent' },
  {
    member: 'refresh_token_rotation',
    name: 'refresh-token-rotation',
    about: 'give a new refresh token at every use (always on for public clients)',
  },
] as const satisfies readonly { member: keyof ClientMetadata; name: string; about: string }[]

/**
 * Gives a command the flags of client metadata.
 *
 * @returns reads what was given: members of the metadata by name, null where an empty value takes one away
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
  for (const { name, about } of eitherWayFlags) addEitherWay(command, name, about)
  return () => {
    const given = command.opts<Record<string, unknown>>()
    const metadata: Record<string, unknown> = {}
    for (const { member, option, optional } of flags) {
      const value = given[option.attributeName()]
      if (value === undefined) continue
      metadata[member] = member === 'scope' ? (value as string[]).join(' ') : optional && value === '' ? null : value
    }
    for (const { member, name } of eitherWayFlags) {
      const value = given[new Option(`--${name}`).attributeName()]
      if (value !== undefined) metadata[member] = value
    }
    return metadata
  }
}
