import { InvalidArgumentError, Option } from 'commander'
import { deviceCodeGrant } from '../records/clients/client.ts'
import { WrongUsage } from './command-failures.ts'

type Input = Readonly<Record<string, unknown>>

interface Kind {
  /** For error messages. */
  readonly named: string
  /** Metadata that a flag beside --kind replaces. Everything else has its usual default. */
  readonly metadata: Input
  /** An example of a redirect URI; undefined if it has none. */
  readonly redirectUri: string | undefined
  /** Members that have no useful default, and the flag that sets each. */
  readonly needs?: Readonly<Record<string, string>>
}

const kinds = {
  web: { named: 'A web application', metadata: {}, redirectUri: 'https://app.example.com/callback' },
  spa: {
    named: 'A single-page application',
    metadata: { token_endpoint_auth_method: 'none' },
    redirectUri: 'https://app.example.com/',
  },
  native: {
    named: 'A mobile, desktop or command-line application',
    // The libraries of phones and desktops take the algorithm from the token or do not check the signature (the ID token comes directly from the
    // token endpoint, OpenID Connect Core §3.1.3.7). ES256 is the shorter signature.
    metadata: {
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      id_token_signed_response_alg: 'ES256',
    },
    redirectUri: 'http://127.0.0.1/callback',
  },
  // Clients of the Model Context Protocol that do not register themselves. They act at one API and want no ID token.
  mcp: {
    named: 'An MCP client',
    metadata: { token_endpoint_auth_method: 'none' },
    redirectUri: 'http://127.0.0.1/callback',
    needs: {
      resources: '--resource, the URL of the MCP server as it is registered with signet resources create',
      scope:
        '--scope, such as "tools offline_access": the scopes of the MCP server, and offline_access for a refresh token',
    },
  },
  machine: { named: 'A machine', metadata: { grant_types: ['client_credentials'] }, redirectUri: undefined },
  device: {
    named: 'A device without a browser',
    metadata: { token_endpoint_auth_method: 'none', grant_types: [deviceCodeGrant, 'refresh_token'] },
    redirectUri: undefined,
  },
} satisfies Record<string, Kind>

export type ClientKind = keyof typeof kinds

const kindNames = Object.keys(kinds) as ClientKind[]

/** `--kind`, which sets the metadata that such an application needs. */
export function kindOption(): Option {
  const about = `what the application is: ${kindNames.join(', ')}; sets its metadata, and prints what it needs`
  return new Option('--kind <kind>', about).argParser<ClientKind | undefined>((value, previous) => {
    if (previous !== undefined) throw new InvalidArgumentError('It may be given only once.')
    const known = kindNames.find((name) => name === value)
    if (known === undefined) throw new InvalidArgumentError(`It must be one of ${kindNames.join(', ')}.`)
    return known
  })
}

/**
 * The metadata of a new client of a kind.
 *
 * @param input what the other flags set, which replaces what the kind would set
 * @param callback a redirect URI of the library that the client is for, as an example in errors
 * @throws WrongUsage if something is missing or does not fit the kind; the message names all such flags
 */
export function metadataOfKind(name: ClientKind, input: Input, callback?: string): Input {
  const kind: Kind = kinds[name]
  const metadata: Input = { ...kind.metadata, ...input }
  const faults = faultsOf(name, kind, metadata, callback)
  if (faults.length > 0) throw new WrongUsage(faults.join(' '))
  return metadata
}

function faultsOf(
  name: ClientKind,
  { named, redirectUri, needs = {} }: Kind,
  metadata: Input,
  callback: string | undefined,
): string[] {
  const uris = listIn(metadata, 'redirect_uris')
  const grants = listIn(metadata, 'grant_types')
  const needsUri = grants?.some((name) => name === 'authorization_code' || name === 'implicit') ?? true
  const faults: string[] = []
  if (needsUri && (uris ?? []).length === 0)
    faults.push(
      `${named} needs --redirect-uri, where users return after signing in, such as ${callback ?? redirectUri ?? ''}.`,
    )
  for (const [member, flag] of Object.entries(needs))
    if (metadata[member] === undefined) faults.push(`${named} needs ${flag}.`)
  if (!needsUri)
    for (const flag of ['redirect_uris', 'post_logout_redirect_uris'] as const)
      if ((listIn(metadata, flag) ?? []).length > 0)
        faults.push(
          `${named} takes no --${flag.slice(0, -1).replaceAll('_', '-')}: ${name === 'device' ? 'people sign in on another device' : 'nobody signs in to it'}.`,
        )
  const foreign = name === 'spa' ? (uris ?? []).find((uri) => !/^https?:/.test(uri)) : undefined
  if (foreign !== undefined)
    faults.push(
      `${named} needs an https address, or http on loopback, as --redirect-uri, not '${foreign.slice(0, 80)}'. For an app with a scheme of its own, use --kind native.`,
    )
  return faults
}

function listIn(metadata: Input, member: string): readonly string[] | undefined {
  const value = metadata[member]
  return Array.isArray(value) ? value.map(String) : undefined
}
