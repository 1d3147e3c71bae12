import { appendFile, mkdir, open, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { isKid } from './import-key.ts'

/**
 * Facts that a backup of the database may lack, stored in the keys directory: when keys were activated, and which keys and purpose secrets are
 * revoked. One line per fact; lines are appended and never changed.
 */
export interface KeyLedger {
  /** Milliseconds since 1970, by kid. */
  readonly activatedAt: ReadonlyMap<string, number>
  readonly revokedAt: ReadonlyMap<string, number>
  /** The same for purpose secrets, by fingerprint. */
  readonly revokedSecrets: ReadonlyMap<string, number>
  /** Adds the facts that are new. Returns whether everything is on disk; if not, the next call retries. */
  note(facts: readonly KeyFact[]): Promise<boolean>
}

export interface KeyFact {
  /** The kid, or the fingerprint of a purpose secret. */
  readonly kid: string
  readonly what: 'activated' | 'revoked' | 'revoked-secret'
  /** Milliseconds since 1970. */
  readonly at: number
}

/** A revocation is on disk in the ledger, but it is not known to be in the database. Whoever opens the ledger next applies it. */
export class OnlyInLedger extends Error {
  /** @param cause why the database failed */
  constructor(cause: unknown) {
    super('The revocation is recorded in the keys directory only.', { cause })
    this.name = 'OnlyInLedger'
  }
}

/** The path of the ledger. */
export function keyLedgerFile({ keysDir }: { readonly keysDir: string }): string {
  return join(keysDir, 'key-ledger.txt')
}

/**
 * @param file in the keys directory; created with the first fact
 * @param log gets a warning, once, if the file cannot be written, as in a container with a read-only file system
 */
export async function openKeyLedger(
  file: string,
  log: { warn(context: object, message: string): void },
): Promise<KeyLedger> {
  const maps = {
    activated: new Map<string, number>(),
    revoked: new Map<string, number>(),
    'revoked-secret': new Map<string, number>(),
  }
  const remember = ({ kid, what, at }: KeyFact) => {
    const before = maps[what].get(kid)
    if (before === undefined || at < before) maps[what].set(kid, at)
  }
  for (const line of (await readIfThere(file)).split('\n')) {
    // A process that was killed while writing leaves an incomplete line, which does not match.
    const match = /^(activated|revoked|revoked-secret) (\S{1,255}) (\S+)$/.exec(line)
    const at = Date.parse(match?.[3] ?? '')
    if (match && !Number.isNaN(at)) remember({ what: match[1] as KeyFact['what'], kid: match[2] ?? '', at })
  }
  let unwritten: readonly KeyFact[] = []
  let cannotWrite = false
  return {
    activatedAt: maps.activated,
    revokedAt: maps.revoked,
    revokedSecrets: maps['revoked-secret'],
    note: async (facts) => {
      // Only valid kids, which cannot corrupt the lines. Our own always are.
      const fresh = facts.filter(({ kid, what }) => isKid(kid) && !maps[what].has(kid))
      for (const fact of fresh) remember(fact)
      const writing = [...unwritten, ...fresh]
      unwritten = writing
      if (writing.length === 0) return true
      try {
        await append(file, writing)
        unwritten = unwritten.filter((fact) => !writing.includes(fact))
        cannotWrite = false
      } catch (err) {
        if (!cannotWrite)
          log.warn({ err }, `${file} cannot be written: restoring a backup may make revoked keys valid again.`)
        cannotWrite = true
      }
      return !cannotWrite
    },
  }
}

async function readIfThere(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
}

async function append(file: string, facts: readonly KeyFact[]): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  const lines = facts.map(({ what, kid, at }) => `${what} ${kid} ${new Date(at).toISOString()}\n`).join('')
  // An incomplete line, from a full disk, must not merge with the next one.
  const before = await readIfThere(file)
  const gap = before === '' || before.endsWith('\n') ? '' : '\n'
  await appendFile(file, gap + lines, { mode: 0o600, flush: true })
  const folder = await open(dirname(file), 'r')
  await folder.sync().finally(() => folder.close())
}
