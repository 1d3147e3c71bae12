import type { Command } from 'commander'
import { type RevokedKeys, type RevokeKeysOutcome, revokeKeys, type Succession } from '../../operations/revoke-keys.ts'
import { CommandFailed, sentencesOf, WrongUsage } from '../command-failures.ts'
import { json } from '../flags.ts'
import { operator, readReason, reasonFlag } from '../operator.ts'
import { type Document, type Format, moment, oneLine, pastMoment, printOne } from '../output.ts'
import type { Terminal } from '../terminal.ts'
import { changingKeys } from '../with-signet.ts'

interface Flags extends Format {
  readonly all?: true
  readonly reason: string
}

/** `signet keys revoke`: the emergency. */
export function revokeCommand(keys: Command, terminal: Terminal): void {
  keys
    .command('revoke')
    .description('Drop a key at once and for good. A key that stands by signs from that moment.')
    .argument('[kid]')
    .option('--all', 'every key that is published, those that stand by too; new ones sign at once')
    .addOption(reasonFlag().makeOptionMandatory())
    .addOption(json())
    .action(async (kid: string | undefined, flags: Flags) => {
      if ((kid === undefined) !== (flags.all === true)) throw new WrongUsage('Name one key, or --all.')
      const reason = readReason(flags.reason)
      const which = kid === undefined ? 'all' : { kid }
      const revoked = await changingKeys(terminal, (keys) => revokeKeys(keys, operator(terminal), which, reason))
      if (revoked.outcome !== 'revoked') throw notRevoked(kid ?? '', revoked)
      printOne(terminal, flags, documentOf(revoked), notes(revoked))
    })
}

function notRevoked(kid: string, refusal: Exclude<RevokeKeysOutcome, RevokedKeys>): CommandFailed {
  const name = oneLine(kid.slice(0, 80))
  switch (refusal.outcome) {
    case 'no_such_key':
      return new CommandFailed(`There is no key ${name}: signet keys list shows them.`)
    case 'revoked_before':
      return new CommandFailed(`The key ${name} was revoked ${pastMoment(refusal.revokedAt)} already.`)
    case 'retired':
      return new CommandFailed(`The key ${name} has retired: no verifier takes it, and its private half is destroyed.`)
    case 'only_noted':
      return new CommandFailed(
        `${sentencesOf(refusal.cause)} The revocation is noted in the keys directory: signet recover carries it out once the database can be ` +
          'used, and so does the next start of a server that has this directory.',
      )
  }
}

function documentOf(revoked: RevokedKeys): Document {
  const { kids, revokedAt, nodesStoppedBy, verifiersStoppedBy, isInLedger, successions, now } = revoked
  return {
    revoked: kids,
    revoked_at: new Date(revokedAt),
    signs_now: successions.flatMap(({ active }) => (active ? [active.kid] : [])),
    nodes_stopped_by: new Date(nodesStoppedBy),
    verifiers_stopped_by: new Date(verifiersStoppedBy),
    ripe_standby: successions.every(({ ripeStandbyAt }) => ripeStandbyAt <= now),
    ripe_standby_at: new Date(Math.max(...successions.map(({ ripeStandbyAt }) => ripeStandbyAt))),
    in_ledger: isInLedger,
  }
}

/** What an operator has to know next. */
function notes(revoked: RevokedKeys): string[] {
  const { kids, nodesStoppedBy, verifiersStoppedBy, hadSigned, isInLedger, successions, now } = revoked
  const what = kids.length === 1 ? 'this key' : 'these keys'
  return [
    ...successions.map((succession) => sentenceOn(succession, now)),
    `Nodes that hear of it stop using ${what} at once, all others by ${moment(nodesStoppedBy)}.`,
    `Signet refuses tokens signed with ${what} from now on. A service that checks tokens by itself may accept them until it fetches the ` +
      `JWK Set again: ${moment(verifiersStoppedBy)} at the latest.`,
    ...(hadSigned
      ? [
          'Applications with a refresh token get new tokens, and so do machines. Other applications send people through the sign-in, which asks ' +
            'for nothing while their session lives.',
        ]
      : []),
    ...(isInLedger
      ? []
      : ['The keys directory could not be written: a backup of the database that is restored would bring it back.']),
  ]
}

function sentenceOn({ alg, active, ripeStandbyAt }: Succession, now: number): string {
  const standby =
    ripeStandbyAt <= now
      ? 'Another key that every verifier knows stands by.'
      : `No other key that every verifier knows stands by until ${moment(ripeStandbyAt)}.`
  if (!active) return `${alg}: no key signs. ${standby}`
  const known = active.isRipe
    ? ', which every verifier knows'
    : `, which verifiers may not know, and refuse, until they fetch the JWK Set anew: ${moment(active.ripeAt)} at the latest`
  return `${alg}: ${active.kid} signs${known}. ${standby}`
}
