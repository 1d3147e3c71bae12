import pg from 'pg'
import { isPathOf } from './connection-setup.ts'

/** Something to change, and how. */
export interface Advice {
  readonly finding: string
  readonly advice: string
}

/** A pooler, or what it leads to, is set up in a way that Signet cannot work with. The message has both. */
export class PoolerError extends Error implements Advice {
  readonly finding: string
  readonly advice: string
  constructor(finding: string, advice: string, options?: ErrorOptions) {
    super(`${finding} ${advice}`, options)
    this.name = 'PoolerError'
    this.finding = finding
    this.advice = advice
  }
}

/** What a session of the server says about itself. */
export interface Session {
  readonly pid: number
  readonly role: string
  readonly database: string
  /** Server settings by name, in PostgreSQL's own notation. */
  readonly settings: Readonly<Record<string, string>>
}

/** The settings that are judged. */
export const judgedSettings = [
  ...['search_path', 'DateStyle', 'default_transaction_isolation'],
  ...['statement_timeout', 'idle_in_transaction_session_timeout'],
]

interface Requirement {
  readonly name: string
  readonly to: string
  isMet(value: string): boolean
}

/**
 * Judges what the role is set to. Where sessions are shared, Signet cannot set anything for them, so it must come from there.
 *
 * @param sessions what several statements saw; a pooler may still have sessions from before the last change
 * @param queryTimeoutMs how long Signet waits for a statement, in milliseconds
 * @returns advice on what works but should be changed
 * @throws PoolerError if Signet would not find its tables, or misread what it finds
 */
export function judgeRole(sessions: readonly Session[], schema: string, queryTimeoutMs: number): Advice[] {
  const isTimeout = (value: string) => inMilliseconds(value) > 0 && inMilliseconds(value) <= queryTimeoutMs
  const wrong = unmet(sessions, [
    { name: 'search_path', to: pg.escapeIdentifier(schema), isMet: (value) => isPathOf(value, schema) },
    { name: 'DateStyle', to: "'ISO'", isMet: (value) => value.startsWith('ISO') },
    // Under a stricter level the stores' statements would fail with 40001 when they race.
    { name: 'default_transaction_isolation', to: "'read committed'", isMet: (value) => value === 'read committed' },
  ])
  const unwise = unmet(sessions, [
    { name: 'statement_timeout', to: `'${Math.floor(queryTimeoutMs * 0.9)}ms'`, isMet: isTimeout },
    { name: 'idle_in_transaction_session_timeout', to: `'${queryTimeoutMs}ms'`, isMet: isTimeout },
  ])
  if (wrong.length > 0)
    throw new PoolerError(
      'SIGNET_DATABASE_URL leads to a connection pooler in transaction mode. There Signet cannot set up its sessions, so ' +
        `the role must be set up for it, but ${listed(wrong)}.`,
      toDo([...wrong, ...unwise], sessions),
    )
  if (unwise.length === 0) return []
  return [
    {
      finding:
        'Behind a connection pooler in transaction mode Signet cannot limit how long PostgreSQL works on a statement that it ' +
        `no longer waits for, and the role has no suitable limits: ${listed(unwise)}.`,
      advice: toDo(unwise, sessions),
    },
  ]
}

type Unmet = Requirement & { readonly found: string }

function unmet(sessions: readonly Session[], requirements: readonly Requirement[]): Unmet[] {
  return requirements.flatMap((requirement) => {
    const values = new Set(sessions.map(({ settings }) => settings[requirement.name] ?? ''))
    const found = [...values].find((value) => !requirement.isMet(value))
    return found === undefined ? [] : [{ ...requirement, found }]
  })
}

function listed(faults: readonly Unmet[]): string {
  return faults.map(({ name, found }) => `${name} is ${found}`).join(', ')
}

function toDo(faults: readonly Unmet[], [session]: readonly Session[]): string {
  const role = `ALTER ROLE ${pg.escapeIdentifier(session!.role)} IN DATABASE ${pg.escapeIdentifier(session!.database)}`
  const statements = faults.map(({ name, to }) => `${role} SET ${name} = ${to};`)
  return `Run ${statements.join(' ')} Then let the pooler open new connections (PgBouncer: RECONNECT).`
}

/** A time as PostgreSQL shows it in a setting: `0`, `4500ms`, `5s`, `1min`. */
function inMilliseconds(setting: string): number {
  const [, number = '0', unit = 'ms'] = /^(\d+)(ms|s|min|h|d)?$/.exec(setting) ?? []
  return Number(number) * { ms: 1, s: 1_000, min: 60_000, h: 3_600_000, d: 86_400_000 }[unit as 'ms']
}
