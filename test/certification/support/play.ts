import type { ResponseType } from '../../../src/protocol/oidc-values.ts'
import type { Browser } from '../../support/browser.ts'
import type { Provider } from './provider.ts'
import type { Suite } from './suite.ts'

/** How a plan wants its modules played. */
export interface Variant {
  readonly registration: 'static_client' | 'dynamic_client'
  readonly authentication: 'client_secret_basic' | 'client_secret_post' | 'private_key_jwt'
  readonly responseType: ResponseType
  readonly responseMode: 'default' | 'form_post'
}

/** One module while it is played. */
export interface Play {
  readonly suite: Suite
  readonly variant: Variant
  /** What the provider says about itself, checked. */
  readonly provider: Provider
  /** Without cookies at first. */
  readonly browser: Browser
  /** What the suite reports without failing the module. */
  readonly warnings: string[]
  /** The responses to registrations. The clients are deleted at the end. */
  // biome-ignore lint/suspicious/noExplicitAny: tests read arbitrary members of responses
  readonly registrations: any[]
  /** Seconds that the module has waited, see `waitFor`. */
  waited: number
}

/** A module: throws if the provider fails it. */
export type Module = (play: Play) => Promise<void>

/** The reason why the suite passes over a module. */
export class Skipped extends Error {}

export function warn(play: Play, message: string): void {
  if (!play.warnings.includes(message)) play.warnings.push(message)
}

export function warnUnless(play: Play, holds: boolean, message: string): void {
  if (!holds) warn(play, message)
}

/**
 * Where the suite waits: makes everything in Signet's database that much older instead, and moves the clock for what it has fetched. The claims of tokens that are issued afterwards are earlier than the suite
 * would see them, so they are compared with the help of `play.waited`.
 */
export async function waitFor(play: Play, seconds: number): Promise<void> {
  const { database } = play.suite.idp.signet
  const moved: Record<string, string[]> = {
    sessions: ['auth_time', 'created_at', 'used_at', 'expires_at'],
    grants: ['auth_time', 'created_at'],
    authorization_codes: ['created_at', 'expires_at', 'spent_at'],
    refresh_families: ['created_at', 'expires_at', 'max_expires_at'],
  }
  for (const [table, columns] of Object.entries(moved))
    await database.query(
      `UPDATE ${table} SET ${columns.map((column) => `${column} = ${column} - make_interval(secs => $1)`).join(', ')}`,
      [seconds],
    )
  play.suite.moveClock(seconds)
  play.waited += seconds
}
