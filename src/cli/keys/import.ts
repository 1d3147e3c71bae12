import { readFile, stat } from 'node:fs/promises'
import { type Command, Option } from 'commander'
import { isKid, type ReadKey, readPrivateKey } from '../../key-ring/import-key.ts'
import type { ImportKeyOutcome } from '../../operations/import-signing-key.ts'
import { type SigningAlgorithm, signingAlgorithms } from '../../platform/jwt/algorithms.ts'
import { CommandFailed, WrongUsage } from '../command-failures.ts'
import { json, notEmpty, oneValue } from '../flags.ts'
import { operator, readReason, reasonFlag } from '../operator.ts'
import { type Format, moment, printOne } from '../output.ts'
import { readToEnd } from '../password-input.ts'
import type { Terminal } from '../terminal.ts'
import { changingKeys, stopIfInterrupted } from '../with-signet.ts'

interface Flags extends Format {
  readonly alg?: SigningAlgorithm
  readonly kid?: string
  readonly reason?: string
}

/** Bytes. The longest keys are a tenth of this size. */
const maxBytes = 65_536

/** `signet keys import`: for teams that move an existing issuer to Signet. */
export function importCommand(keys: Command, terminal: Terminal): void {
  keys
    .command('import')
    .description(
      'Import a private key that your verifiers already know, and sign with it: a PEM (PKCS #8) or a JWK, from a file or standard input (-).',
    )
    .argument('[file]')
    .addOption(
      new Option('--alg <alg>', 'algorithm of an RSA key whose JWK does not name one (default: RS256)').choices(
        signingAlgorithms,
      ),
    )
    .addOption(notEmpty(oneValue('--kid <kid>', 'kid for a key in a PEM (default: its RFC 7638 thumbprint)')))
    .addOption(reasonFlag())
    .addOption(json())
    .action(async (file: string | undefined, flags: Flags) => {
      const reason = readReason(flags.reason)
      const key = readPrivateKey(await readText(terminal, file ?? '-'), flags.alg)
      const kid = kidOf(key, flags.kid)
      const imported = await changingKeys(terminal, async ({ keyRing }, { settings }) => {
        // Loaded here and not above: it needs `jose`.
        const { importSigningKey } = await import('../../operations/import-signing-key.ts')
        return importSigningKey({ keyRing, settings }, operator(terminal), { key, kid, reason })
      })
      if (imported.outcome !== 'imported') throw notImported(imported)
      const { alg, activatesAt, nextRotation } = imported
      printOne(terminal, flags, { kid: imported.kid, alg, activates_at: new Date(activatesAt) }, [
        'The key signs from now on, on every node within SIGNET_KEY_LEASE. The previous key retires automatically.',
        ...(nextRotation === undefined ? [] : [`The next rotation is at ${moment(nextRotation)} or later.`]),
        'Destroy the copy that it was imported from: anyone who has it can sign as you.',
      ])
    })
}

async function readText(terminal: Terminal, file: string): Promise<string> {
  if (file !== '-') return readKeyFile(terminal, file)
  if (terminal.input.isTTY) throw new WrongUsage('The key must come from a file or a pipe: signet keys import key.pem')
  const bytes = await readToEnd(terminal.input, terminal.stopSignal, maxBytes)
  stopIfInterrupted(terminal)
  return bytes.toString('utf8')
}

async function readKeyFile(terminal: Terminal, file: string): Promise<string> {
  try {
    const { mode, size } = await stat(file)
    if (size > maxBytes) throw new CommandFailed(`${file.slice(0, 200)} is too long for a key.`)
    const text = await readFile(file, 'utf8')
    if ((mode & 0o077) !== 0)
      terminal.writeError(
        'signet: Other users can read that file. If one of them may have done so, rotate to a new key.\n',
      )
    return text
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === undefined) throw error
    throw new CommandFailed(`${file.slice(0, 200)} cannot be read (${code}).`)
  }
}

function kidOf(key: ReadKey, flag: string | undefined): string | undefined {
  if (flag !== undefined && !isKid(flag)) throw new WrongUsage('--kid must be 1 to 255 characters without spaces.')
  if (flag !== undefined && key.kid !== undefined && flag !== key.kid)
    throw new WrongUsage('The JWK already has a kid, by which verifiers know it: leave out --kid.')
  return key.kid ?? flag
}

function notImported({ outcome, kid }: Exclude<ImportKeyOutcome, { outcome: 'imported' }>): CommandFailed {
  switch (outcome) {
    case 'revoked_in_ledger':
      return new CommandFailed(`The key ${kid} was revoked here and cannot sign again.`)
    case 'revoked':
      return new CommandFailed(`This is the key ${kid}, which was revoked here and cannot sign again.`)
    case 'kid_taken':
      return new CommandFailed(`There is already a key ${kid}. To see it: signet keys list`)
    case 'known':
      return new CommandFailed(`This key is already known as ${kid}. A key can have only one kid.`)
  }
}
