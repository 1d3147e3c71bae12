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

/** `signet keys rotate`: brings the next rotation forward, without breaking verifiers unless `--now` is given. */
export function rotateCommand(keys: Command, terminal: Terminal): void {
  keys
    .command('rotate')
    .description('Switch to the next key as soon as every verifier knows it: now, or at the time that is printed.')
    .addOption(new Option('--alg <alg>', 'only this algorithm').choices(signingAlgorithms))
    .option('--now', 'switch immediately: verifiers that do not know the next key yet will refuse its tokens')
    .addOption(reasonFlag())
    .addOption(json())
    .action(async (flags: Flags) => {
      const reason = readReason(flags.reason)
      const algorithms = flags.alg ? [flags.alg] : signingAlgorithms
      const rotated = await changingKeys(terminal, (keys) =>
        rotateKeys(keys, operator(terminal), { algorithms, immediately: flags.now === true, reason }),
      )
      if (rotated.outcome === 'no_standby')
        throw new CommandFailed(`There is no standby ${rotated.alg} key to take over. Nothing was changed.`)
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
      `signs now: verifiers that fetched the JWK Set before ${moment(publishedAt)} refuse its tokens until they fetch it again, ` +
      `no later than ${moment(ripeAt)}`
    )
  return nextRipeAt > now
    ? `signs now; no standby key is known to every verifier until ${moment(nextRipeAt)}`
    : 'signs now'
}
