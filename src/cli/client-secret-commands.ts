import { type Command, Option } from 'commander'
import { revokeClientSecret, rotateClientSecret } from '../operations/client-secrets.ts'
import { type Client, usesSecret } from '../records/clients/client.ts'
import { type ListedSecret, listClientSecrets } from '../records/clients/client-secrets-store.ts'
import { CommandFailed } from './command-failures.ts'
import { needClient, noSuchClient } from './find-client.ts'
import { json } from './flags.ts'
import { operator } from './operator.ts'
import { type Document, type Format, printMany, printOne } from './output.ts'
import type { Terminal } from './terminal.ts'
import { changing, reading } from './with-signet.ts'

/** Said whenever a secret is shown. */
export const keepIt = 'The secret is shown this once; Signet keeps only its digest.'

const endedAtOnce =
  'No older secret works any longer. Running servers know within milliseconds; one that has lost its connection to the database, within 7 seconds.'

/**
 * `signet clients list-secrets`, `rotate-secret` and `revoke-secret`.
 *
 * @param withSecret what is shown of a client that has just been given a secret
 */
export function clientSecretCommands(
  clients: Command,
  terminal: Terminal,
  withSecret: (client: Client, secret: string) => Document,
): void {
  clients
    .command('list-secrets')
    .description('List the secrets that a client can use, the oldest first: when each was made, but not what it is.')
    .argument('<client_id>')
    .addOption(json())
    .action(async (clientId: string, format: Format) => {
      const { client, secrets } = await reading(terminal, async ({ database }) => {
        const client = await needClient(database, clientId)
        return { client, secrets: await listClientSecrets(database, client.client_id) }
      })
      const columns = ['secret_id', 'created_at', 'grant_id']
      printMany(terminal, format, secrets.map(documentOf), columns, hasNone(client))
    })

  clients
    .command('rotate-secret')
    .description('Give a client a new secret. The one before it goes on working until the next rotation.')
    .argument('<client_id>')
    .addOption(
      new Option(
        '--revoke-old',
        'for a secret that has leaked: no older secret works any longer, and what was opened with it for the client itself ends',
      ),
    )
    .addOption(json())
    .action(async (clientId: string, flags: Format & { readonly revokeOld?: true }) => {
      const old = flags.revokeOld ? 'revoked' : 'newest kept'
      const rotated = await changing(terminal, async (installation) => {
        const { client_id } = await needClient(installation.database, clientId)
        return rotateClientSecret(installation, operator(terminal), client_id, old)
      })
      if (rotated === 'no_such_client') throw noSuchClient(clientId)
      if ('usesNoSecret' in rotated) throw new CommandFailed(hasNone(rotated.usesNoSecret))
      const notes = flags.revokeOld
        ? [endedAtOnce, `If somebody may have used it: signet grants revoke-all --client-id ${clientId}`]
        : ['The secret before it goes on working until the next rotation; older ones are gone.']
      printOne(terminal, flags, withSecret(rotated.client, rotated.secret), [keepIt, ...notes])
    })

  clients
    .command('revoke-secret')
    .description('End one of several secrets of a client at once, and what was opened with it for the client itself.')
    .argument('<client_id>')
    .argument('<secret_id>', 'a number: signet clients list-secrets')
    .addOption(json())
    .action(async (clientId: string, secretId: string, format: Format) => {
      const revoked = await changing(terminal, async (installation) => {
        const { client_id } = await needClient(installation.database, clientId)
        const id = /^[1-9]\d{0,14}$/.test(secretId) ? Number(secretId) : 0
        return revokeClientSecret(installation, operator(terminal), client_id, id)
      })
      switch (revoked) {
        case 'no_such_client':
          throw noSuchClient(clientId)
        case 'no_such_secret':
          throw new CommandFailed(
            `The client ${clientId} has no secret ${secretId.slice(0, 20)}: signet clients list-secrets shows them.`,
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

/** `grant_id`: the grant that stands for it (client_credentials). */
function documentOf({ id, createdAt, standingGrant }: ListedSecret): Document {
  return { secret_id: id, created_at: createdAt, grant_id: standingGrant }
}

function hasNone(client: Client): string {
  return usesSecret(client)
    ? `The client ${client.client_id} has no secret.`
    : `The client ${client.client_id} has no secret: it authenticates with ${client.token_endpoint_auth_method}.`
}
