import { type Command, Option } from 'commander'
import type { Renewal } from '../../key-ring/secret-decisions.ts'
import {
  type ReplacedSecrets,
  replaceLeakedSecrets,
  rotatePurposeSecrets,
} from '../../operations/rotate-purpose-secrets.ts'
import { type Purpose, purposes } from '../../platform/secrets/purpose-secrets.ts'
import { CommandFailed, sentencesOf, WrongUsage } from '../command-failures.ts'
import { json, manyValues, notEmpty } from '../flags.ts'
import { letRowsFollow } from '../let-rows-follow.ts'
import { operator, readReason, reasonFlag } from '../operator.ts'
import { type Document, type Format, moment, printMany } from '../output.ts'
import type { Terminal } from '../terminal.ts'
import { changingSecrets } from '../with-signet.ts'

interface Flags extends Format {
  readonly purpose?: readonly string[]
  readonly all?: true
  readonly compromised?: true
  readonly reason?: string
}

/** `signet keys rotate-secrets`: planned, it breaks nothing; `--compromised` is the emergency. */
export function rotateSecretsCommand(keys: Command, terminal: Terminal): void {
  keys
    .command('rotate-secrets')
    .description(
      'Replace purpose secrets. A new version is used once every node knows it; the old one stays accepted for as long as it is needed.',
    )
    .addOption(notEmpty(manyValues('--purpose <name>', `only this one: ${purposes.join(', ')}`)))
    .addOption(new Option('--all', 'every purpose; without --compromised that is the default').conflicts('purpose'))
    .option(
      '--compromised',
      'they have leaked: refuse the old versions at once (needs --purpose or --all, and --reason)',
    )
    .addOption(reasonFlag())
    .addOption(json())
    .action(async (flags: Flags) => {
      const wanted = wantedOf(flags)
      const reason = readReason(flags.reason)
      const actor = operator(terminal)
      const leaked = flags.compromised ? { reason: needReason(reason) } : undefined
      const { documents, notes } = await changingSecrets(terminal, async (opened, installation, wait) => {
        if (!leaked) {
          const renewals = await rotatePurposeSecrets(opened, actor, wanted, reason, wait)
          return { documents: renewals.map(renewed), notes: [] }
        }
        const { settings } = installation
        const terms = { ...opened, settings }
        const outcome = await replaceLeakedSecrets(terms, actor, wanted, leaked.reason, wait).catch(
          (error: unknown) => {
            throw new CommandFailed(
              `${sentencesOf(error)} The revocation may have been noted in the keys directory before: if so, signet recover carries it out, ` +
                'and so does the next start of a server with that directory.',
            )
          },
        )
        const left = wanted.includes('refresh-mac') ? await letRowsFollow(installation, terminal) : []
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
function needReason(reason: string | undefined): string {
  if (reason === undefined) throw new WrongUsage('--compromised needs a --reason.')
  return reason
}

function wantedOf({ purpose, all, compromised }: Flags): readonly Purpose[] {
  const unknown = purpose?.find((name) => !purposes.some((known) => known === name))
  if (unknown !== undefined)
    throw new WrongUsage(`There is no purpose ${unknown.slice(0, 80)}. The purposes: ${purposes.join(', ')}.`)
  if (purpose) return purposes.filter((name) => purpose.includes(name))
  if (compromised && !all) throw new WrongUsage('Name what has leaked with --purpose, or --all.')
  return purposes
}

function renewed({ purpose, version, activatesAt, publishedAt, isNew }: Renewal): Document {
  return {
    ...{ purpose, version },
    published_at: new Date(publishedAt),
    activates_at: new Date(activatesAt),
    next: isNew
      ? 'used from then on, when every node has read it'
      : 'was on its way already; used from then on, and no other version was made',
  }
}

const costs: Readonly<Record<Purpose, string>> = {
  'refresh-mac': 'all refresh tokens are refused, and their grants end: people sign in to those applications again',
  'request-sealing': 'whoever is on a page on the way of a sign-in begins again at the application',
  csrf: 'forms that are open have to be sent once more',
  'session-id': 'sessions get another sid: sign-out by an application with an earlier ID token asks for confirmation',
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
    next: costs[purpose],
    nodes_stopped_by: new Date(nodesStoppedBy),
    earlier_nodes: earlierNodes,
    in_ledger: isInLedger,
    records_left: purpose === 'refresh-mac' ? recordsLeft : undefined,
  }
}

function notesOn({ earlierNodes, isInLedger, nodesStoppedBy }: ReplacedSecrets): string[] {
  return [
    `Every node has stopped accepting the old versions: at once where it hears of it, ${moment(nodesStoppedBy)} at the latest.`,
    ...(earlierNodes > 0
      ? [
          `${earlierNodes} of the nodes run${earlierNodes === 1 ? 's' : ''} an earlier release and will not notice: restart or stop them now.`,
        ]
      : []),
    ...(isInLedger
      ? []
      : [
          'The keys directory could not be written: a backup of the database that is restored would bring the old versions back.',
        ]),
  ]
}
