import { type ChildProcess, spawn } from 'node:child_process'
import type { Account } from './home.ts'
import { LocalPostgresError, useYourOwn } from './operator-messages.ts'

/** One of PostgreSQL's programs, and how to run it. */
export interface Program {
  readonly path: string
  readonly args: readonly string[]
  readonly runAs: Account | undefined
}

/**
 * Starts one of PostgreSQL's programs with nothing of ours but what it needs. The environment is bare: PGPORT and its
 * like mean other servers, and the master key may be in ours. The working folder is one that every account can be in.
 */
export function startProgram(
  { path, args, runAs }: Program,
  options: { detached: boolean; stdio: ('pipe' | 'ignore' | number)[] },
): ChildProcess {
  return spawn(path, args, {
    ...options,
    ...runAs,
    cwd: '/',
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
  })
}

/**
 * Runs a program to its end.
 *
 * @param input what it reads on standard input
 * @returns what it has printed
 * @throws LocalPostgresError with what it has said, when it fails
 */
export async function runProgram(program: Program, input = ''): Promise<string> {
  const child = startProgram(program, { detached: false, stdio: ['pipe', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream
      ?.setEncoding('utf8')
      .on('data', (text: string) => {
        said += text
      })
      .on('error', () => {}) // what it could still say is lost; its status tells how it ended
  child.stdin?.on('error', () => {}) // it ended without reading: its status tells why
  child.stdin?.end(input)
  const status = await ended(child, program)
  if (status === 0) return said
  const advice = /user does not exist/.test(said)
    ? `\nPostgreSQL runs as a user who has a name only: add one to /etc/passwd, run as another, or ${useYourOwn}.`
    : ''
  throw new LocalPostgresError(`${program.path} ended with ${status}:\n${said.trim()}${advice}`)
}

/**
 * Waits for the end of a program.
 *
 * @returns its status, or the signal that ended it
 * @throws LocalPostgresError when it could not be started at all
 */
export function ended(child: ChildProcess, { path, runAs }: Program): Promise<number | string> {
  return new Promise((resolve, reject) => {
    child.on('error', (cause) => {
      const as = runAs ? ` as uid ${runAs.uid}` : ''
      reject(
        new LocalPostgresError(
          `${path} cannot be run here${as} (${cause.message}). It needs a system with glibc, a folder that is not mounted ` +
            `noexec, and, where Signet is root, the right to become another user. Else ${useYourOwn}.`,
          { cause },
        ),
      )
    })
    child.once('close', (status, signal) => resolve(status ?? signal ?? 'no status'))
  })
}
