import type { Command } from 'commander'
import type { SecretView } from '../../installation-keys.ts'
import { type SecretState, secretStates, supersededAt } from '../../key-ring/secret-schedule.ts'
import { pageSecretDays, type SecretVersion } from '../../platform/secrets/purpose-secrets.ts'
import { json } from '../flags.ts'
import { type Document, type Format, moment, pastMoment, printMany } from '../output.ts'
import type { Terminal } from '../terminal.ts'
import { readingSecrets } from '../with-signet.ts'

/** `signet keys secrets`. */
export function secretsCommand(keys: Command, terminal: Terminal): void {
  keys
    .command('secrets')
    .description('List the versions of the purpose secrets: accepted versions, then revoked ones.')
    .addOption(json())
    .action(async (format: Format) => {
      const documents = await readingSecrets(terminal, (view) => {
        warnOfMissingRevocations(terminal, view)
        return secretDocuments(view)
      })
      printMany(terminal, format, documents, ['purpose', 'version', 'state', 'published_at', 'next'], '')
    })
}

/** Warns on standard error. A read-only command does not apply the revocation. */
function warnOfMissingRevocations({ writeError }: Pick<Terminal, 'writeError'>, { notRevokedYet }: SecretView): void {
  if (notRevokedYet.length === 0) return
  const named = notRevokedYet.map(({ purpose, version }) => `${purpose} (version ${version})`).join(', ')
  writeError(
    `signet: Revoked in the keys directory, but not in the database: ${named}. To revoke it there too: signet recover\n`,
  )
}

function secretDocuments({ versions, revoked, notRevokedYet, now }: SecretView): Document[] {
  const states = secretStates(versions, now)
  return [
    ...[...states].map(([version, state]) => {
      const superseded = supersededAt(version, versions, now)
      return {
        ...{ purpose: version.purpose, version: version.version, state },
        published_at: new Date(version.publishedAt),
        // The first version of an installation has been active from the start.
        active_since: state === 'standby' ? undefined : new Date(Math.max(version.activatesAt, version.publishedAt)),
        activates_at: state === 'standby' ? new Date(version.activatesAt) : undefined,
        superseded_at: superseded === undefined ? undefined : new Date(superseded),
        next: notRevokedYet.includes(version)
          ? 'revoked in the keys directory only, so servers may still accept it: signet recover'
          : whatNext(version, state, superseded),
      }
    }),
    ...[...revoked]
      .sort((a, b) => b.revokedAt - a.revokedAt)
      .map(({ purpose, version, revokedAt }) => ({
        ...{ purpose, version, state: 'revoked', revoked_at: new Date(revokedAt) },
        next: `revoked at ${pastMoment(revokedAt)}, refused permanently`,
      })),
  ]
}

function whatNext({ purpose, activatesAt }: SecretVersion, state: SecretState, superseded: number | undefined): string {
  if (state === 'standby') return `accepted; used from ${moment(activatesAt)}, when every node has loaded it`
  if (state === 'active') return 'in use until it is rotated'
  return `no longer used; accepted ${acceptedUntil(purpose, superseded ?? 0)}`
}

/** When a version is deleted, in words (records/cleanup/cleanup-store.ts). */
function acceptedUntil(purpose: SecretVersion['purpose'], superseded: number): string {
  switch (purpose) {
    case 'refresh-mac':
      return 'until the last refresh token made with it has expired'
    case 'session-id':
      return 'until the last session that began with it has ended'
    case 'totp-sealing':
      return 'until no secret of an authenticator app is sealed with it'
    case 'client-secrets':
      return 'until no secret of a client is sealed with it'
    case 'recovery-codes':
      return 'until no user has recovery codes from that time'
    default:
      return `until ${moment(superseded + pageSecretDays * 86_400_000)}`
  }
}
