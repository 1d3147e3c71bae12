import { type Command, Option } from 'commander'
import { type Delays, ripensAt, rotate, type ScheduledKey } from '../../key-ring/rotation.ts'
import { type SigningAlgorithm, signingAlgorithms } from '../../platform/jwt/algorithms.ts'
import { CommandFailed } from '../failures.ts'
import { json } from '../flags.ts'
import { authorOf, reasonFlag } from '../operator.ts'
import { type Format, printMany } from '../output.ts'
import type { Terminal } from '../terminal.ts'
import { changingKeys } from '../with-signet.ts'
import { moment } from './moment.ts'

interface Flags extends Format {
  readonly alg?: SigningAlgorithm
  readonly now?: true
  readonly reason?: string
}

/** `signet keys rotate`: the next rotation is brought forward, and breaks no verifier unless it is told to. */
export function rotateCommand(keys: Command, terminal: Terminal): void {
  keys
    .command('rotate')
    .description('Let the next key sign as soon as every verifier knows it: now, or at the moment that is printed.')
    .addOption(new Option('--alg <alg>', 'only this algorithm').choices(signingAlgorithms))
    .option('--now', 'do not wait: verifiers that do not know the next key yet will refuse its tokens')
    .addOption(reasonFlag())
    .addOption(json())
    .action(async (flags: Flags) => {
      const author = authorOf(terminal, flags.reason)
      const algorithms = flags.alg ? [flags.alg] : signingAlgorithms
      const rotated = await changingKeys(terminal, ({ keyRing }) =>
        keyRing.decide(author, (ring, delays) => {
          const all = algorithms.map((alg) => rotation(ring.keys, alg, ring.now, delays, flags.now === true))
          return { steps: all.flatMap(({ steps }) => steps), result: all.map(({ document }) => document) }
        }),
      )
      printMany(terminal, flags, rotated, ['alg', 'kid', 'activates_at', 'next'], '')
    })
}

function rotation(keys: readonly ScheduledKey[], alg: SigningAlgorithm, now: number, delays: Delays, atOnce: boolean) {
  const rotation = rotate(keys, alg, now, delays, atOnce)
  const key = keys.find(({ kid }) => kid === rotation?.kid)
  if (!rotation || !key) throw new CommandFailed(`No ${alg} key stands by to take over. Nothing was changed.`)
  const { kid, activatesAt, ripeAt, decisions } = rotation
  const known = ripensAt(key, delays.activationDelay)
  const document = {
    ...{ alg, kid, signs: activatesAt <= now },
    activates_at: new Date(activatesAt),
    ripe_at: new Date(known),
    next: sentence(activatesAt, now, known, ripeAt, key.publishedAt, decisions.length > 0),
  }
  return { steps: decisions, document }
}

/**
 * @param known when every verifier knows the key that takes over
 * @param ripeAt when they know the one behind it, too
 */
function sentence(
  activatesAt: number,
  now: number,
  known: number,
  ripeAt: number,
  publishedAt: number,
  isChanged: boolean,
): string {
  if (activatesAt > now)
    return isChanged
      ? 'starts signing then; before that, some verifiers may not know this key or the next one'
      : 'starts signing then, as planned; before that, some verifiers may not know this key or the next one'
  if (known > now)
    return (
      `signs now: who fetched the JWK Set before ${moment(publishedAt)} refuses its tokens until it is fetched anew, ` +
      `${moment(known)} at the latest`
    )
  return ripeAt > now
    ? `signs now; no other key that every verifier knows stands by until ${moment(ripeAt)}`
    : 'signs now'
}
