import { appendFile, mkdir, open, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { isKid } from './import-key.ts'

/**
 * What a backup of the database may not know, kept in the keys directory: since when a key signs, and which keys and purpose secrets are
 * revoked. A line a fact, appended and never changed.
 */
export interface KeyLedger {
  /** Milliseconds since 1970, by kid. */
  readonly activatedAt: ReadonlyMap<string, number>
  readonly revokedAt: ReadonlyMap<string, number>
  /** The same of purpose secrets, by fingerprint. */
  readonly revokedSecrets: ReadonlyMap<string, number>
  /** Adds what is new among these. Whether all of it is on disk; if not, the next call tries again. */
  note(facts: readonly KeyFact[]): Promise<boolean>
}

export interface KeyFact {
  /** Or the fingerprint of a purpose secret. */
  readonly kid: string
  readonly what: 'activated' | 'revoked' | 'revoked-secret'
  /** Milliseconds since 1970. */
  readonly at: number
}

/** Where the ledger lies. */
export function keyLedgerFile({ keysDir }: { readonly keysDir: string }): string {
  return join(keysDir, 'key-ledger.txt')
}

/**
 * @param file in the keys directory; it comes into being with the first fact
 * @param log told once when it cannot be written, as in a container whose file system is read-only
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
    // A process that was killed in the middle of a line leaves half of one.
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
      // A kid that would spoil the lines is none of ours: ours are sealed under their names.
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
          log.warn({ err }, `${file} cannot be written: a backup that is restored may bring revoked keys back.`)
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
  // Half a line, of a disk that was full, must not swallow the next one.
  const before = await readIfThere(file)
  const gap = before === '' || before.endsWith('\n') ? '' : '\n'
  await appendFile(file, gap + lines, { mode: 0o600, flush: true })
  const folder = await open(dirname(file), 'r')
  await folder.sync().finally(() => folder.close())
}
