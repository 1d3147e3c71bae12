import pg from 'pg'
import { isPathOf } from './connection-setup.ts'

/** Something that should be changed, and how. */
export interface Advice {
  readonly finding: string
  readonly advice: string
}

/** Signet cannot work with the configuration of a pooler, or of the role behind it. The message contains the finding and the advice. */
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

/** The properties of a session of the server. */
export interface Session {
  readonly pid: number
  readonly role: string
  readonly database: string
  /** Server settings by name, in PostgreSQL's own notation. */
  readonly settings: Readonly<Record<string, string>>
}

/** The settings that are checked. */
export const checkedSettings = [
  ...['search_path', 'DateStyle', 'default_transaction_isolation'],
  ...['statement_timeout', 'idle_in_transaction_session_timeout'],
]

interface Requirement {
  readonly name: string
  readonly to: string
  isMet(value: string): boolean
}

/**
 * Checks the settings of the role. Signet cannot set parameters in shared sessions, so they must be set for the role.
 *
 * @param sessions the sessions of several statements; a pooler may still have sessions from before the last change
 * @param queryTimeoutMs how long Signet waits for a statement, in milliseconds
 * @returns advice on settings that work but should be changed
 * @throws PoolerError if Signet would not find its tables, or would misread values
 */
export function checkRoleSettings(sessions: readonly Session[], schema: string, queryTimeoutMs: number): Advice[] {
  const isTimeout = (value: string) => inMilliseconds(value) > 0 && inMilliseconds(value) <= queryTimeoutMs
  const wrong = unmet(sessions, [
    { name: 'search_path', to: pg.escapeIdentifier(schema), isMet: (value) => isPathOf(value, schema) },
    { name: 'DateStyle', to: "'ISO'", isMet: (value) => value.startsWith('ISO') },
    // Under a stricter level, concurrent statements of the stores would fail with 40001.
    { name: 'default_transaction_isolation', to: "'read committed'", isMet: (value) => value === 'read committed' },
  ])
  const unwise = unmet(sessions, [
    { name: 'statement_timeout', to: `'${Math.floor(queryTimeoutMs * 0.9)}ms'`, isMet: isTimeout },
    { name: 'idle_in_transaction_session_timeout', to: `'${queryTimeoutMs}ms'`, isMet: isTimeout },
  ])
  if (wrong.length > 0)
    throw new PoolerError(
      'SIGNET_DATABASE_URL leads to a connection pooler in transaction mode. Signet cannot set up its sessions there, so ' +
        `the role must have the right settings, but ${listed(wrong)}.`,
      remedy([...wrong, ...unwise], sessions),
    )
  if (unwise.length === 0) return []
  return [
    {
      finding:
        'Behind a connection pooler in transaction mode, Signet cannot limit how long PostgreSQL works on a statement that ' +
        `Signet no longer waits for, and the role has no suitable limits: ${listed(unwise)}.`,
      advice: remedy(unwise, sessions),
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

function remedy(faults: readonly Unmet[], [session]: readonly Session[]): string {
  const role = `ALTER ROLE ${pg.escapeIdentifier(session!.role)} IN DATABASE ${pg.escapeIdentifier(session!.database)}`
  const statements = faults.map(({ name, to }) => `${role} SET ${name} = ${to};`)
  return `Run ${statements.join(' ')} Then let the pooler open new connections (PgBouncer: RECONNECT).`
}

/** Converts a time in the format of PostgreSQL's settings: `0`, `4500ms`, `5s`, `1min`. */
function inMilliseconds(setting: string): number {
  const [, number = '0', unit = 'ms'] = /^(\d+)(ms|s|min|h|d)?$/.exec(setting) ?? []
  return Number(number) * { ms: 1, s: 1_000, min: 60_000, h: 3_600_000, d: 86_400_000 }[unit as 'ms']
}
