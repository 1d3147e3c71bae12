import { type Command, Option } from 'commander'
import { type RotatedKey, rotateKeys } from '../../operations/rotate-keys.ts'
import { type SigningAlgorithm, signingAlgorithms } from '../../platform/jwt/algorithms.ts'
import { CommandFailed } from '../command-failures.ts'
import { json } from '../flags.ts'
import { operator, readReason, reasonFlag } from '../operator.ts'
import { type Document, type Format, moment, printMany } from '../output.ts'
import type { Terminal } from '../terminal.ts'
import { changingKeys } from '../with-signet.ts'

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
      const reason = readReason(flags.reason)
      const algorithms = flags.alg ? [flags.alg] : signingAlgorithms
      const rotated = await changingKeys(terminal, (keys) =>
        rotateKeys(keys, operator(terminal), { algorithms, immediately: flags.now === true, reason }),
      )
      if (rotated.outcome === 'no_standby')
        throw new CommandFailed(`No ${rotated.alg} key stands by to take over. Nothing was changed.`)
      printMany(terminal, flags, rotated.keys.map(documentOf), ['alg', 'kid', 'activates_at', 'next'], '')
    })
}

function documentOf(rotated: RotatedKey): Document {
  const { alg, kid, activatesAt, ripeAt, decidedAt } = rotated
  return {
    ...{ alg, kid, signs: activatesAt <= decidedAt },
    activates_at: new Date(activatesAt),
    ripe_at: new Date(ripeAt),
    next: whatFollows(rotated),
  }
}

function whatFollows({ publishedAt, activatesAt, ripeAt, nextRipeAt, isChanged, decidedAt: now }: RotatedKey): string {
  if (activatesAt > now)
    return isChanged
      ? 'starts signing then; before that, some verifiers may not know this key or the next one'
      : 'starts signing then, as planned; before that, some verifiers may not know this key or the next one'
  if (ripeAt > now)
    return (
      `signs now: who fetched the JWK Set before ${moment(publishedAt)} refuses its tokens until it is fetched anew, ` +
      `${moment(ripeAt)} at the latest`
    )
  return nextRipeAt > now
    ? `signs now; no other key that every verifier knows stands by until ${moment(nextRipeAt)}`
    : 'signs now'
}
