import type { Command } from 'commander'
import type { KeyRing } from '../../key-ring/key-ring.ts'
import { isRipe, ripensAt } from '../../key-ring/rotation.ts'
import { isPublished, type KeyState } from '../../key-ring/schedule.ts'
import type { KeyRecord } from '../../key-ring/signing-keys-store.ts'
import type { SigningAlgorithm } from '../../platform/jwt/algorithms.ts'
import { CommandFailed, sentencesOf, WrongUsage } from '../failures.ts'
import { json } from '../flags.ts'
import { authorOf, reasonFlag } from '../operator.ts'
import { type Format, oneLine, printOne } from '../output.ts'
import type { Terminal } from '../terminal.ts'
import { changingKeys } from '../with-signet.ts'
import { moment, pastMoment } from './moment.ts'

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
      const author = authorOf(terminal, flags.reason)
      const { document, notes } = await changingKeys(terminal, async ({ keyRing, clock }) => {
        const meant = kid === undefined ? allPublished(keyRing.keys()) : [needKey(keyRing.keys(), kid)]
        const done = await keyRing
          .revoke(
            author,
            meant.map((key) => key.kid),
          )
          .catch((error: unknown) => {
            throw new CommandFailed(
              `${sentencesOf(error)} The revocation is noted in the keys directory: signet recover carries it out once the database can be ` +
                'used, and so does the next start of a server that has this directory.',
            )
          })
        return outcome(keyRing, meant, done, clock.now())
      })
      printOne(terminal, flags, document, notes)
    })
}

/** @throws CommandFailed where there is nothing to revoke */
function needKey(states: ReadonlyMap<KeyRecord, KeyState>, kid: string): KeyRecord {
  const [key, state] = [...states].find(([one]) => one.kid === kid) ?? []
  const name = oneLine(kid.slice(0, 80))
  if (!key) throw new CommandFailed(`There is no key ${name}: signet keys list shows them.`)
  if (state === 'revoked')
    throw new CommandFailed(`The key ${name} was revoked ${pastMoment(key.revokedAt ?? 0)} already.`)
  if (state === 'retired')
    throw new CommandFailed(`The key ${name} has retired: no verifier takes it, and its private half is destroyed.`)
  return key
}

function allPublished(states: ReadonlyMap<KeyRecord, KeyState>): KeyRecord[] {
  return [...states].filter(([, state]) => isPublished(state)).map(([key]) => key)
}

/** What an operator has to know next. */
function outcome(
  keyRing: Pick<KeyRing, 'keys' | 'delays'>,
  revoked: readonly KeyRecord[],
  { revokedAt, isNoted }: Awaited<ReturnType<KeyRing['revoke']>>,
  now: number,
) {
  const { activationDelay, keyLease } = keyRing.delays()
  const algorithms = [...new Set(revoked.map(({ alg }) => alg))].sort()
  const successions = algorithms.map((alg) => succession(keyRing.keys(), alg, now, activationDelay))
  // A node whose clock is slow, or that had asked just before.
  const stoppedBy = revokedAt + (keyLease + 1) * 1000
  const acceptedUntil = revokedAt + activationDelay * 1000
  const document = {
    revoked: revoked.map(({ kid }) => kid),
    revoked_at: new Date(revokedAt),
    signs_now: successions.flatMap(({ active }) => (active ? [active.kid] : [])),
    nodes_stopped_by: new Date(stoppedBy),
    verifiers_stopped_by: new Date(acceptedUntil),
    ripe_standby: successions.every(({ ripeStandbyAt }) => ripeStandbyAt <= now),
    ripe_standby_at: new Date(Math.max(...successions.map(({ ripeStandbyAt }) => ripeStandbyAt))),
    in_ledger: isNoted,
  }
  const what = revoked.length === 1 ? 'this key' : 'these keys'
  const notes = [
    ...successions.map(({ sentence }) => sentence),
    `Nodes that hear of it stop using ${what} at once, all others by ${moment(stoppedBy)}.`,
    `Signet refuses tokens signed with ${what} from now on. A service that checks tokens by itself may accept them until it fetches the ` +
      `JWK Set again: ${moment(acceptedUntil)} at the latest.`,
    ...(revoked.some(({ activatesAt }) => activatesAt <= revokedAt)
      ? [
          'Applications with a refresh token get new tokens, and so do machines. Other applications send people through the sign-in, which asks ' +
            'for nothing while their session lives.',
        ]
      : []),
    ...(isNoted
      ? []
      : ['The keys directory could not be written: a backup of the database that is restored would bring it back.']),
  ]
  return { document, notes }
}

function succession(
  states: ReadonlyMap<KeyRecord, KeyState>,
  alg: SigningAlgorithm,
  now: number,
  activationDelay: number,
) {
  const of = (state: KeyState) => [...states].filter(([key, is]) => key.alg === alg && is === state).map(([key]) => key)
  const [active] = of('active')
  const ripeStandbyAt = Math.min(...of('standby').map((key) => ripensAt(key, activationDelay)))
  const standby =
    ripeStandbyAt <= now
      ? 'Another key that every verifier knows stands by.'
      : `No other key that every verifier knows stands by until ${moment(ripeStandbyAt)}.`
  if (!active) return { active, ripeStandbyAt, sentence: `${alg}: no key signs. ${standby}` }
  const known = isRipe(active, now, activationDelay)
    ? ', which every verifier knows'
    : `, which verifiers may not know, and refuse, until they fetch the JWK Set anew: ${moment(ripensAt(active, activationDelay))} at the latest`
  return { active, ripeStandbyAt, sentence: `${alg}: ${active.kid} signs${known}. ${standby}` }
}
