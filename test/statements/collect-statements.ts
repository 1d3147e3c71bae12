import type { Statement } from '../../src/platform/database/queryable.ts'
import { any, standIn } from './stand-in.ts'

/** A statement that a function of a store sends. */
export interface SentStatement {
  /** The store's path below src/. */
  readonly file: string
  readonly sentBy: string
  readonly name: string | undefined
  readonly text: string
}

/** The maximum number of statements of one call: a function that continues until nothing is left would never end. */
const mostStatements = 20
/** Milliseconds. */
const longestCall = 5_000

/**
 * Calls every function that a store exports, directly or as part of an object, repeatedly and with different values present: all, none,
 * each one alone, all but one, each pair; and with each of the texts that the source compares something with. So every form of a
 * composed statement is seen.
 *
 * @param file the store's path below src/
 * @param store its exports
 * @param texts what values are compared with in its source
 */
export async function collectStatements(
  file: string,
  store: Readonly<Record<string, unknown>>,
  texts: readonly string[],
): Promise<SentStatement[]> {
  const sent = new Map<string, SentStatement>()
  for (const [sentBy, operation] of operationsOf(store)) {
    const call = async (given: (path: string) => unknown) => {
      const reached = new Set<string>()
      for (const rows of [1, 0]) {
        const record = ({ name, text }: Statement) => sent.set(`${sentBy} ${text}`, { file, sentBy, name, text })
        const db = recordingDatabase(record, rows, given, reached)
        const args = ['1', '2', '3', '4', '5', '6', '7'].map((path) => {
          const value = given(path)
          return value === any ? standIn(path, given, reached) : value
        })
        await within(longestCall, sentBy, async () => operation(db, ...args))
      }
      return reached
    }
    const isPart = (path: string) => path.includes('.')
    const present = (is: boolean) => (is ? any : undefined)
    const found = await call(() => any)
    await call((path) => present(!isPart(path)))
    await call(() => undefined)
    for (const path of [...found, '1', '2', '3']) {
      await call((other) => present(!isWithin(other, path)))
      for (const text of texts) {
        await call((other) => (other === path ? text : any))
        await call((other) => (other === path ? text : present(!isPart(other) || isWithin(path, other))))
      }
    }
    for (const one of found)
      for (const another of found)
        if (one <= another)
          await call((path) =>
            present(!isPart(path) || [one, another].some((value) => isWithin(path, value) || isWithin(value, path))),
          )
  }
  return [...sent.values()]
}

type Operation = (...args: unknown[]) => unknown

function operationsOf(store: Readonly<Record<string, unknown>>): [name: string, operation: Operation][] {
  return Object.entries(store).flatMap(([name, value]): [string, Operation][] => {
    if (typeof value === 'function') return [[name, value as Operation]]
    if (typeof value !== 'object' || value === null) return []
    return operationsOf(value as Record<string, unknown>).map(([part, operation]) => [`${name}.${part}`, operation])
  })
}

/** Whether a path is that of a value or of something within it. */
function isWithin(path: string, value: string): boolean {
  return path === value || path.startsWith(`${value}.`) || path.startsWith(`${value}[`) || path.startsWith(`${value}(`)
}

/** Stands in for the database or a transaction: it records what is sent, and returns `count` stand-in rows. */
function recordingDatabase(
  record: (statement: Statement) => void,
  count: number,
  given: (path: string) => unknown,
  reached: Set<string>,
) {
  let asked = 0
  const client = {
    query: async (statement: Statement | string) => {
      const asObject = typeof statement === 'string' ? { text: statement } : statement
      record(asObject)
      if (++asked > mostStatements) throw new Error('More statements than one call may send.')
      const rows = asked > mostStatements / 2 ? [] : Array.from({ length: count }, () => standIn('row', given, reached))
      return { rows, rowCount: rows.length, command: asObject.text }
    },
    on: () => client,
    off: () => client,
    release: () => undefined,
    getTransactionStatus: () => 'I',
    connect: async () => client,
  }
  return client
}

/** An error of a store about a missing value says nothing about its statements, so it is ignored. */
async function within(milliseconds: number, what: string, work: () => Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`${what} has not returned after ${milliseconds / 1000} s.`)),
      milliseconds,
    )
  })
  const done = work().then(
    () => undefined,
    () => undefined,
  )
  try {
    await Promise.race([done, late])
  } finally {
    clearTimeout(timer)
  }
}
