import { type Command, Option } from 'commander'
import type { RegisteredClient } from '../operations/client-registration.ts'
import { revokeClientSecret, rotateClientSecret } from '../operations/client-secrets.ts'
import { type Client, usesSecret } from '../records/clients/client.ts'
import { type ListedSecret, listClientSecrets } from '../records/clients/client-secrets-store.ts'
import { usesSecretAsKey } from '../records/clients/hmac-secrets.ts'
import { CommandFailed } from './command-failures.ts'
import { noSuchClient, requireClient } from './find-client.ts'
import { json } from './flags.ts'
import { operator } from './operator.ts'
import { type Document, type Format, printMany, printOne } from './output.ts'
import type { Terminal } from './terminal.ts'
import { changing, reading, withSealing } from './with-signet.ts'

/** Printed below every secret. */
export function shownOnce(client: RegisteredClient): string {
  return usesSecretAsKey(client)
    ? 'The secret is shown only once. Signet stores its digest and, because the client uses it as a key, also the secret itself, sealed.'
    : 'The secret is shown only once; Signet stores only its digest.'
}

const oldSecretsRevoked =
  'All older secrets are revoked. Running servers refuse them within milliseconds, or within 7 seconds if the database connection was lost.'

/**
 * `signet clients list-secrets`, `rotate-secret` and `revoke-secret`.
 *
 * @param withSecret the document to print for a client with its new secret
 */
export function clientSecretCommands(
  clients: Command,
  terminal: Terminal,
  withSecret: (client: Client, secret: string, format: Format) => Document,
): void {
  clients
    .command('list-secrets')
    .description("List a client's valid secrets, oldest first: when each was created, but not its value.")
    .argument('<client_id>')
    .addOption(json())
    .action(async (clientId: string, format: Format) => {
      const { client, secrets } = await reading(terminal, async ({ database }) => {
        const client = await requireClient(database, clientId)
        return { client, secrets: await listClientSecrets(database, client.client_id) }
      })
      const columns = ['secret_id', 'created_at', 'grant_id']
      printMany(terminal, format, secrets.map(documentOf), columns, noSecret(client))
    })

  clients
    .command('rotate-secret')
    .description('Issue a new secret for a client. The previous one keeps working until the next rotation.')
    .argument('<client_id>')
    .addOption(
      new Option(
        '--revoke-old',
        'for a leaked secret: also revoke all older secrets and end the grants that the client opened for itself with them',
      ),
    )
    .addOption(json())
    .action(async (clientId: string, flags: Format & { readonly revokeOld?: true }) => {
      const old = flags.revokeOld ? 'revoked' : 'newest kept'
      const rotated = await changing(terminal, async (installation, wait) => {
        const client = await requireClient(installation.database, clientId)
        return withSealing(terminal, installation, wait, usesSecretAsKey(client), (registry) =>
          rotateClientSecret(registry, operator(terminal), client.client_id, old),
        )
      })
      if (rotated === 'no_such_client') throw noSuchClient(clientId)
      if ('usesNoSecret' in rotated) throw new CommandFailed(noSecret(rotated.usesNoSecret))
      const notes = flags.revokeOld
        ? [
            oldSecretsRevoked,
            `If somebody may have used an old secret: signet grants revoke-all --client-id ${clientId}`,
          ]
        : ['The previous secret keeps working until the next rotation; older ones are revoked.']
      printOne(terminal, flags, withSecret(rotated.client, rotated.secret, flags), [
        shownOnce(rotated.client),
        ...notes,
      ])
    })

  clients
    .command('revoke-secret')
    .description(
      "Revoke one of a client's secrets immediately and end the grants that the client opened for itself with it.",
    )
    .argument('<client_id>')
    .argument('<secret_id>', 'a number from signet clients list-secrets')
    .addOption(json())
    .action(async (clientId: string, secretId: string, format: Format) => {
      const revoked = await changing(terminal, async (installation) => {
        const { client_id } = await requireClient(installation.database, clientId)
        const id = /^[1-9]\d{0,14}$/.test(secretId) ? Number(secretId) : 0
        return revokeClientSecret(installation, operator(terminal), client_id, id)
      })
      switch (revoked) {
        case 'no_such_client':
          throw noSuchClient(clientId)
        case 'no_such_secret':
          throw new CommandFailed(
            `The client ${clientId} has no secret ${secretId.slice(0, 20)}. To list its secrets: signet clients list-secrets ${clientId}`,
          )
        case 'only_secret':
          throw new CommandFailed(
            `The client ${clientId} has no other secret. To replace it: signet clients rotate-secret --revoke-old ${clientId}`,
          )
      }
      printOne(terminal, format, {
        client_id: clientId,
        secret_id: Number(secretId),
        revoked: true,
        grants_ended: revoked.grants,
      })
    })
}

/** `short`: imported with fewer than 32 characters. `sealed`: stored sealed, because the client uses it as a key. `grant_id`: the standing grant that was opened with this secret (client_credentials). */
function documentOf({ id, createdAt, isShort, isSealed, standingGrant }: ListedSecret): Document {
  const kind = { short: isShort || undefined, sealed: isSealed || undefined }
  return { secret_id: id, created_at: createdAt, ...kind, grant_id: standingGrant }
}

function noSecret(client: Client): string {
  if (client.document)
    return `The client ${client.client_id} has no secret. A client that identifies itself by a document never has one.`
  return usesSecret(client)
    ? `The client ${client.client_id} has no secret.`
    : `The client ${client.client_id} has no secret: it authenticates with ${client.token_endpoint_auth_method}.`
}
