import { readFile, stat } from 'node:fs/promises'
import type { Command } from 'commander'
import type { Step } from '../../key-ring/decide.ts'
import { isKid, type ReadKey, readPrivateKey } from '../../key-ring/import-key.ts'
import type { KeyRing } from '../../key-ring/key-ring.ts'
import type { StoredRing } from '../../key-ring/key-ring-store.ts'
import type { Delays } from '../../key-ring/rotation.ts'
import { inOrderOfActivation, keyStates } from '../../key-ring/schedule.ts'
import type { NewKey } from '../../key-ring/sealed-key.ts'
import { openMasterKey } from '../../platform/secrets/master-key.ts'
import { CommandFailed, WrongUsage } from '../failures.ts'
import { json, notEmpty, oneValue } from '../flags.ts'
import { authorOf, reasonFlag } from '../operator.ts'
import { type Format, printOne } from '../output.ts'
import { readToEnd } from '../password-input.ts'
import type { Terminal } from '../terminal.ts'
import { changingKeys, stopIfAsked } from '../with-signet.ts'
import { moment } from './moment.ts'

interface Flags extends Format {
  readonly kid?: string
  readonly reason?: string
}

/** Octets; the longest key there is takes a tenth of it. */
const mostOctets = 65_536

/** `signet keys import`: for a team that moves its issuer here. */
export function importCommand(keys: Command, terminal: Terminal): void {
  keys
    .command('import')
    .description(
      'Let a key sign that your verifiers know already: a PEM (PKCS #8) or a JWK, from a file or standard input (-).',
    )
    .argument('[file]')
    .addOption(notEmpty(oneValue('--kid <kid>', 'what a PEM goes by; else its thumbprint (RFC 7638)')))
    .addOption(reasonFlag())
    .addOption(json())
    .action(async (file: string | undefined, flags: Flags) => {
      const author = authorOf(terminal, flags.reason)
      const key = readPrivateKey(await readText(terminal, file ?? '-'))
      const kid = kidOf(key, flags.kid)
      const { activatesAt, nextRotation, ...imported } = await changingKeys(
        terminal,
        async ({ keyRing }, { settings }) => {
          const { sealKey } = await import('../../key-ring/sealed-key.ts')
          const masterKey = await openMasterKey(settings, true)
          // By its own thumbprint first: that is the name under which it would be known here already.
          const thumbprint = (await sealKey(key.privateKey, key.alg, undefined, masterKey)).kid
          const sealed = await sealKey(key.privateKey, key.alg, kid, masterKey)
          return keyRing.decide(author, (ring, delays) => {
            refuseKnown(sealed, thumbprint, ring, keyRing.ledger)
            const later = postponements(ring, sealed.alg, delays)
            const covered = Math.max(0, ...ring.keys.map(({ longestLifetime }) => longestLifetime))
            const steps: Step[] = [
              ...later,
              { what: 'import', key: sealed, at: ring.now },
              // What is being signed at this moment is within it.
              { what: 'cover', longestLifetime: covered },
            ]
            const nextRotation = later[0]?.activatesAt
            return { steps, result: { kid: sealed.kid, alg: sealed.alg, activatesAt: ring.now, nextRotation } }
          })
        },
      )
      printOne(terminal, flags, { ...imported, activates_at: new Date(activatesAt) }, [
        'It signs from now on, on every node within SIGNET_KEY_LEASE. The key before it retires by itself.',
        ...(nextRotation === undefined ? [] : [`The next rotation is not before ${moment(nextRotation)}.`]),
        'Destroy the copy that it was imported from: whoever has it signs as you.',
      ])
    })
}

async function readText(terminal: Terminal, file: string): Promise<string> {
  if (file !== '-') return readKeyFile(terminal, file)
  if (terminal.input.isTTY) throw new WrongUsage('The key comes from a file or a pipe: signet keys import key.pem')
  const bytes = await readToEnd(terminal.input, terminal.asked, mostOctets)
  stopIfAsked(terminal)
  return bytes.toString('utf8')
}

async function readKeyFile(terminal: Terminal, file: string): Promise<string> {
  try {
    const { mode, size } = await stat(file)
    if (size > mostOctets) throw new CommandFailed(`${file.slice(0, 200)} is too long for a key.`)
    const text = await readFile(file, 'utf8')
    if ((mode & 0o077) !== 0)
      terminal.writeError('signet: Other users can read that file. If one has, rotate away from this key.\n')
    return text
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === undefined) throw error
    throw new CommandFailed(`${file.slice(0, 200)} cannot be read (${code}).`)
  }
}

function kidOf(key: ReadKey, flag: string | undefined): string | undefined {
  if (flag !== undefined && !isKid(flag)) throw new WrongUsage('--kid takes 1 to 255 characters without blanks.')
  if (flag !== undefined && key.kid !== undefined && flag !== key.kid)
    throw new WrongUsage('The JWK has a kid of its own, under which the world knows it: leave --kid out.')
  return key.kid ?? flag
}

/** @throws CommandFailed */
function refuseKnown(key: NewKey, thumbprint: string, { keys }: StoredRing, { revokedAt }: KeyRing['ledger']): void {
  if (revokedAt.has(key.kid) || revokedAt.has(thumbprint))
    throw new CommandFailed(`The key ${key.kid} was revoked here, and never signs again.`)
  const isSame = (other: NewKey['publicJwk']) =>
    (['kty', 'crv', 'x', 'y', 'n', 'e'] as const).every((member) => other[member] === key.publicJwk[member])
  const known = keys.find(({ kid, publicJwk }) => kid === key.kid || kid === thumbprint || isSame(publicJwk))
  if (!known) return
  if (known.revokedAt !== undefined)
    throw new CommandFailed(`It is the key ${known.kid}, which was revoked here and never signs again.`)
  throw new CommandFailed(
    known.kid === key.kid
      ? `There is a key ${key.kid} already: signet keys list shows it.`
      : `This key is known already, as ${known.kid}: a key has one name.`,
  )
}

/** Those that stand by do not take over before a period has passed: verifiers shall not meet two new keys in a row. */
function postponements({ keys, now }: StoredRing, alg: NewKey['alg'], { rotationPeriod }: Delays) {
  const states = keyStates(keys, now)
  return keys
    .filter((key) => key.alg === alg && states.get(key) === 'standby')
    .sort(inOrderOfActivation)
    .flatMap(({ kid, activatesAt }, index) => {
      const earliest = now + (index + 1) * rotationPeriod * 1000
      return activatesAt < earliest ? [{ what: 'postpone' as const, kid, activatesAt: earliest }] : []
    })
}
