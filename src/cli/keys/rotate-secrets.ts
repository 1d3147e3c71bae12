import { type Command, Option } from 'commander'
import type { Renewal } from '../../key-ring/secret-decisions.ts'
import {
  type ReplacedSecrets,
  replaceLeakedSecrets,
  rotatePurposeSecrets,
} from '../../operations/rotate-purpose-secrets.ts'
import { type Purpose, purposes } from '../../platform/secrets/purpose-secrets.ts'
import { CommandFailed, messageOf, WrongUsage } from '../command-failures.ts'
import { json, manyValues, notEmpty } from '../flags.ts'
import { operator, readReason, reasonFlag } from '../operator.ts'
import { type Document, type Format, moment, printMany } from '../output.ts'
import type { Terminal } from '../terminal.ts'
import { updateEndedRecords } from '../update-ended-records.ts'
import { changingSecrets } from '../with-signet.ts'

interface Flags extends Format {
  readonly purpose?: readonly string[]
  readonly all?: true
  readonly compromised?: true
  readonly reason?: string
}

/** `signet keys rotate-secrets`: a planned rotation breaks nothing; `--compromised` is for emergencies. */
export function rotateSecretsCommand(keys: Command, terminal: Terminal): void {
  keys
    .command('rotate-secrets')
    .description(
      'Replace purpose secrets. A new version is used once every node has it; the old one stays accepted for as long as it is needed.',
    )
    .addOption(notEmpty(manyValues('--purpose <name>', `only this purpose: ${purposes.join(', ')}`)))
    .addOption(new Option('--all', 'all purposes (default without --compromised)').conflicts('purpose'))
    .option(
      '--compromised',
      'for leaked secrets: refuse the old versions immediately (requires --reason, and --purpose or --all)',
    )
    .addOption(reasonFlag())
    .addOption(json())
    .action(async (flags: Flags) => {
      const wanted = wantedOf(flags)
      const reason = readReason(flags.reason)
      const actor = operator(terminal)
      const leaked = flags.compromised ? { reason: requireReason(reason) } : undefined
      const { documents, notes } = await changingSecrets(terminal, async (opened, installation, wait) => {
        if (!leaked) {
          const renewals = await rotatePurposeSecrets(opened, actor, wanted, reason, wait)
          return { documents: renewals.map(renewed), notes: [] }
        }
        const { settings } = installation
        const context = { ...opened, settings }
        const outcome = await replaceLeakedSecrets(context, actor, wanted, leaked.reason, wait).catch(
          (error: unknown) => {
            throw new CommandFailed(
              `${messageOf(error)} The revocation may already be recorded in the keys directory. If so, signet recover applies it, ` +
                'as does the next start of a server with that directory.',
            )
          },
        )
        const left = wanted.includes('refresh-mac') ? await updateEndedRecords(installation, terminal) : []
        return {
          documents: outcome.renewals.map((renewal) => replaced(renewal, outcome, left.length > 0)),
          notes: [...notesOn(outcome), ...left],
        }
      })
      printMany(terminal, flags, documents, ['purpose', 'version', 'activates_at', 'next'], '')
      if (notes.length > 0 && !flags.json) terminal.writeOut(`\n${notes.join('\n')}\n`)
    })
}

/** @throws WrongUsage */
function requireReason(reason: string | undefined): string {
  if (reason === undefined) throw new WrongUsage('--compromised requires --reason.')
  return reason
}

function wantedOf({ purpose, all, compromised }: Flags): readonly Purpose[] {
  const unknown = purpose?.find((name) => !purposes.some((known) => known === name))
  if (unknown !== undefined)
    throw new WrongUsage(`There is no purpose ${unknown.slice(0, 80)}. The purposes are ${purposes.join(', ')}.`)
  if (purpose) return purposes.filter((name) => purpose.includes(name))
  if (compromised && !all) throw new WrongUsage('Say which secrets have leaked: give --purpose or --all.')
  return purposes
}

function renewed({ purpose, version, activatesAt, publishedAt, isNew }: Renewal): Document {
  return {
    ...{ purpose, version },
    published_at: new Date(publishedAt),
    activates_at: new Date(activatesAt),
    next: isNew
      ? 'used from then on, when every node has loaded it'
      : 'already scheduled, so no other version was created; used from then on',
  }
}

const consequences: Readonly<Record<Purpose, string>> = {
  'refresh-mac': 'all refresh tokens are refused, and their grants end: users must sign in to those applications again',
  'request-sealing': 'users who are signing in must start again from the application',
  csrf: 'open forms must be sent again',
  'mail-sealing': 'e-mails that have not been sent yet cannot be sent: whoever waits for one must ask again',
  'email-codes': 'codes in e-mails that have been sent are refused: the links in them still work',
  'totp-sealing':
    'one-time codes of all users are refused: they need a recovery code or a passkey, and set up their app again',
  'client-secrets':
    'applications that sign with their secret (client_secret_jwt) are refused until each has a new one: signet clients rotate-secret',
  'recovery-codes': 'recovery codes of all users are refused: they must create new ones',
  'session-id': 'sessions get a new sid: sign-out by an application with an earlier ID token asks for confirmation',
}

function replaced(
  { purpose, version, activatesAt, publishedAt, revoked }: Renewal,
  { nodesStoppedBy, earlierNodes, isInLedger }: ReplacedSecrets,
  recordsLeft: boolean,
): Document {
  return {
    ...{ purpose, version },
    published_at: new Date(publishedAt),
    activates_at: new Date(activatesAt),
    revoked_versions: revoked.map((one) => String(one.version)),
    next: consequences[purpose],
    nodes_stopped_by: new Date(nodesStoppedBy),
    earlier_nodes: earlierNodes,
    in_ledger: isInLedger,
    records_left: purpose === 'refresh-mac' ? recordsLeft : undefined,
  }
}

function notesOn({ earlierNodes, isInLedger, nodesStoppedBy }: ReplacedSecrets): string[] {
  return [
    `Nodes that are notified have stopped accepting the old versions; all others stop by ${moment(nodesStoppedBy)}.`,
    ...(earlierNodes > 0
      ? [
          `${earlierNodes} ${earlierNodes === 1 ? 'node runs' : 'nodes run'} an earlier release and will not notice: restart or stop ${earlierNodes === 1 ? 'it' : 'them'} now.`,
        ]
      : []),
    ...(isInLedger
      ? []
      : [
          'The keys directory could not be written: restoring a backup of the database would bring the old versions back.',
        ]),
  ]
}
