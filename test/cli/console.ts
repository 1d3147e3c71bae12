import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { Test } from 'tap'
import { run } from '../../src/cli/commands.ts'
import type { Database } from '../../src/platform/database/pool.ts'
import { migratedDatabase, testDatabase } from '../database.ts'
import { insertTestKeys, testMasterKey } from '../support/signing-keys.ts'

export interface Answer {
  readonly code: number
  readonly out: string
  readonly err: string
}

export interface Console {
  /** Runs `signet` with these arguments in this process. */
  readonly signet: (...args: string[]) => Promise<Answer>
  /** The same, with this text on standard input. */
  readonly signetReading: (input: string | Buffer | Readable, ...args: string[]) => Promise<Answer>
  /** The same with `--json`; throws unless the command succeeds and prints one JSON document. */
  readonly json: <T = Record<string, unknown>>(...args: string[]) => Promise<T>
  /** For inspecting what the commands did. */
  readonly database: Database
  readonly environment: Record<string, string>
}

/**
 * A separate installation, and functions that run commands on it.
 *
 * @param keys `made`: the first command creates the keys and the master key; otherwise the keys that all tests share, which is faster
 */
export async function openConsole(
  t: Test,
  more: Record<string, string> = {},
  keys: 'given' | 'made' = 'given',
): Promise<Console> {
  const { url, schema, openPool } = keys === 'given' ? await migratedDatabase(t) : await testDatabase(t)
  if (keys === 'given') await insertTestKeys(openPool({ max: 1 }))
  const folder = emptyFolder(t)
  const environment = {
    SIGNET_DATABASE_URL: url,
    SIGNET_DATABASE_SCHEMA: schema,
    SIGNET_KEYS_DIR: join(folder, 'keys'),
    SIGNET_LOG_LEVEL: 'silent',
    ...(keys === 'given' && { SIGNET_MASTER_KEY: testMasterKey }),
    ...more,
  }
  const signetReading: Console['signetReading'] = (input, ...args) => answer(args, { environment, folder, input })
  return {
    signetReading,
    signet: (...args) => signetReading('', ...args),
    json: async (...args) => {
      const { code, out, err } = await signetReading('', ...args, '--json')
      assert.deepEqual({ code, err }, { code: 0, err: '' }, `signet ${args.join(' ')}: ${err}`)
      return JSON.parse(out)
    },
    database: openPool(),
    environment,
  }
}

/** Runs one command that sees only what is passed to it. */
export async function answer(
  args: readonly string[],
  more: {
    readonly environment?: Record<string, string>
    readonly folder: string
    readonly input?: string | Buffer | Readable
    readonly stopSignal?: AbortSignal
    readonly onOut?: () => void
    readonly onError?: () => void
    /** Whether standard error is a terminal. */
    readonly errorIsTTY?: boolean
  },
): Promise<Answer> {
  const {
    environment = {},
    folder,
    input = '',
    stopSignal = new AbortController().signal,
    onOut,
    onError,
    errorIsTTY,
  } = more
  let out = ''
  let err = ''
  const code = await run(args, {
    environment,
    folder,
    input: input instanceof Readable ? input : Readable.from([Buffer.from(input)]),
    writeOut: (text) => {
      out += text
      onOut?.()
    },
    writeError: (text) => {
      err += text
      onError?.()
    },
    errorIsTTY,
    stopSignal,
    linger: async () => {},
  })
  return { code, out, err }
}

export function emptyFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'signet-cli-'))
  // If root starts it, the embedded database runs as another user, who must be able to pass through this folder.
  chmodSync(folder, 0o711)
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
