import { type ChildProcess, spawn } from 'node:child_process'
import type { Account } from './home.ts'
import { LocalPostgresError, useYourOwn } from './operator-messages.ts'

/** A program of PostgreSQL, and how to run it. */
export interface Program {
  readonly path: string
  readonly args: readonly string[]
  readonly runAs: Account | undefined
}

/**
 * Starts one of PostgreSQL's programs with a minimal environment: variables like PGPORT would refer to other servers, and ours may contain
 * the master key. The working folder is one that every account can enter.
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
 * Runs a program and waits until it exits.
 *
 * @param input its standard input
 * @returns its output
 * @throws LocalPostgresError with its output, if it fails
 */
export async function runProgram(program: Program, input = ''): Promise<string> {
  const child = startProgram(program, { detached: false, stdio: ['pipe', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream
      ?.setEncoding('utf8')
      .on('data', (text: string) => {
        output += text
      })
      .on('error', () => {}) // the rest of the output is lost; the exit status counts
  child.stdin?.on('error', () => {}) // it exited without reading; the exit status counts
  child.stdin?.end(input)
  const status = await ended(child, program)
  if (status === 0) return output
  const advice = /user does not exist/.test(output)
    ? `\nPostgreSQL runs only as a user with a name: add one to /etc/passwd, run Signet as another user, or ${useYourOwn}.`
    : ''
  throw new LocalPostgresError(`${program.path} exited with ${status}:\n${output.trim()}${advice}`)
}

/**
 * Waits until a program exits.
 *
 * @returns its exit status, or the signal that ended it
 * @throws LocalPostgresError if it could not be started
 */
export function ended(child: ChildProcess, { path, runAs }: Program): Promise<number | string> {
  return new Promise((resolve, reject) => {
    child.on('error', (cause) => {
      const as = runAs ? ` as uid ${runAs.uid}` : ''
      reject(
        new LocalPostgresError(
          `${path} cannot be run here${as} (${cause.message}). It needs a system with glibc, a folder that is not mounted ` +
            `noexec and, if Signet runs as root, the right to switch to another user. Otherwise ${useYourOwn}.`,
          { cause },
        ),
      )
    })
    child.once('close', (status, signal) => resolve(status ?? signal ?? 'no status'))
  })
}
