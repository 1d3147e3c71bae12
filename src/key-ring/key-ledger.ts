import { appendFile, mkdir, open, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * What a backup of the database may not know, kept in the keys directory: since when a key signs, and which keys are revoked. A line
 * a fact, appended and never changed.
 */
export interface KeyLedger {
  /** Milliseconds since 1970, by kid. */
  readonly activatedAt: ReadonlyMap<string, number>
  readonly revokedAt: ReadonlyMap<string, number>
  /** Adds what is new among these; on disk when it returns. */
  note(facts: readonly KeyFact[]): Promise<void>
}

export interface KeyFact {
  readonly kid: string
  readonly what: 'activated' | 'revoked'
  /** Milliseconds since 1970. */
  readonly at: number
}

/**
 * @param file in the keys directory; it comes into being with the first fact
 * @param log told once when it cannot be written, as in a container whose file system is read-only
 */
export async function openKeyLedger(
  file: string,
  log: { warn(context: object, message: string): void },
): Promise<KeyLedger> {
  const maps = { activated: new Map<string, number>(), revoked: new Map<string, number>() }
  const remember = ({ kid, what, at }: KeyFact) => {
    const before = maps[what].get(kid)
    if (before === undefined || at < before) maps[what].set(kid, at)
  }
  for (const line of (await readIfThere(file)).split('\n')) {
    // A process that was killed in the middle of a line leaves half of one.
    const match = /^(activated|revoked) (\S{1,255}) (\S+)$/.exec(line)
    const at = Date.parse(match?.[3] ?? '')
    if (match && !Number.isNaN(at)) remember({ what: match[1] as KeyFact['what'], kid: match[2] ?? '', at })
  }
  let cannotWrite = false
  return {
    activatedAt: maps.activated,
    revokedAt: maps.revoked,
    note: async (facts) => {
      const fresh = facts.filter(({ kid, what }) => !maps[what].has(kid))
      if (fresh.length === 0) return
      for (const fact of fresh) remember(fact)
      try {
        await append(file, fresh.map(({ what, kid, at }) => `${what} ${kid} ${new Date(at).toISOString()}\n`).join(''))
        cannotWrite = false
      } catch (err) {
        if (!cannotWrite)
          log.warn({ err }, `${file} cannot be written: a backup that is restored may bring revoked keys back.`)
        cannotWrite = true
      }
    },
  }
}

async function readIfThere(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
}

async function append(file: string, lines: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  await appendFile(file, lines, { mode: 0o600, flush: true })
  const folder = await open(dirname(file), 'r')
  await folder.sync().finally(() => folder.close())
}
