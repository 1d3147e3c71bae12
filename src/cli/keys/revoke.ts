import type { Command } from 'commander'
import { type RevokedKeys, type RevokeKeysOutcome, revokeKeys, type Succession } from '../../operations/revoke-keys.ts'
import { CommandFailed, messageOf, WrongUsage } from '../command-failures.ts'
import { json } from '../flags.ts'
import { operator, readReason, reasonFlag } from '../operator.ts'
import { type Document, type Format, moment, oneLine, pastMoment, printOne } from '../output.ts'
import type { Terminal } from '../terminal.ts'
import { changingKeys } from '../with-signet.ts'

interface Flags extends Format {
  readonly all?: true
  readonly reason: string
}

/** `signet keys revoke`: for emergencies. */
export function revokeCommand(keys: Command, terminal: Terminal): void {
  keys
    .command('revoke')
    .description('Revoke a key immediately and permanently. A standby key takes over.')
    .argument('[kid]')
    .option('--all', 'revoke every published key, including standby keys; new keys sign immediately')
    .addOption(reasonFlag().makeOptionMandatory())
    .addOption(json())
    .action(async (kid: string | undefined, flags: Flags) => {
      if ((kid === undefined) !== (flags.all === true)) throw new WrongUsage('Give either a kid or --all.')
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
      return new CommandFailed(`There is no key ${name}. To list keys: signet keys list`)
    case 'revoked_before':
      return new CommandFailed(`The key ${name} was already revoked at ${pastMoment(refusal.revokedAt)}.`)
    case 'retired':
      return new CommandFailed(
        `The key ${name} has retired: verifiers no longer accept it, and its private key is destroyed.`,
      )
    case 'only_noted':
      return new CommandFailed(
        `${messageOf(refusal.cause)} The revocation is recorded in the keys directory. When the database can be used again, signet recover ` +
          'applies it, as does the next start of a server that has this directory.',
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

/** What the operator must know next. */
function notes(revoked: RevokedKeys): string[] {
  const { kids, nodesStoppedBy, verifiersStoppedBy, hadSigned, isInLedger, successions, now } = revoked
  const what = kids.length === 1 ? 'this key' : 'these keys'
  return [
    ...successions.map((succession) => successionSentence(succession, now)),
    `Nodes that are notified stop using ${what} immediately, all others by ${moment(nodesStoppedBy)}.`,
    `Signet refuses tokens signed with ${what} from now on. A service that checks tokens itself may accept them until it fetches the ` +
      `JWK Set again, no later than ${moment(verifiersStoppedBy)}.`,
    ...(hadSigned
      ? [
          'Applications with a refresh token get new tokens, and so do machines. Other applications send users through sign-in, which asks ' +
            'for nothing while their session is valid.',
        ]
      : []),
    ...(isInLedger
      ? []
      : [`The keys directory could not be written: restoring a backup of the database would bring ${what} back.`]),
  ]
}

function successionSentence({ alg, active, ripeStandbyAt }: Succession, now: number): string {
  const standby =
    ripeStandbyAt <= now
      ? 'A standby key is known to every verifier.'
      : `No standby key is known to every verifier until ${moment(ripeStandbyAt)}.`
  if (!active) return `${alg}: no key signs. ${standby}`
  const known = active.isRipe
    ? ', and every verifier knows it'
    : `, but verifiers may refuse it until they fetch the JWK Set again, no later than ${moment(active.ripeAt)}`
  return `${alg}: ${active.kid} signs${known}. ${standby}`
}
