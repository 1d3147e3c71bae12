/** All checks, in the order in which they are printed. Each is described in docs/doctor.md. */
export const groups = {
  'This machine': [
    'version',
    'settings',
    'master-key-file',
    'keys-directory',
    'env-file',
    'data-directory',
    'tls-files',
    'logo',
    'mail',
    'breached-passwords',
  ],
  Database: [
    ...([
      'database',
      'database-pooler',
      'database-role',
      'database-encoding',
      'database-durability',
      'database-connections',
    ] as const),
    ...(['database-encryption', 'database-clock', 'migrations', 'issuer-on-record'] as const),
  ],
  Keys: ['master-key', 'signing-keys', 'key-pairs', 'purpose-secrets'],
  'From outside': [
    ...([
      'certificate',
      'metadata',
      'jwk-set',
      'jwk-set-caching',
      'cross-origin',
      'readiness',
      'server-clock',
    ] as const),
    ...(['metrics', 'plain-http', 'request-id', 'client-address'] as const),
  ],
} as const

export type Check = (typeof groups)[keyof typeof groups][number]
export type Status = 'good' | 'warning' | 'bad' | 'skipped'

export interface Finding {
  readonly check: Check
  readonly status: Status
  /** What was found, as a sentence. */
  readonly finding: string
  /** What to do about it. */
  readonly advice?: string
}

export function good(check: Check, finding: string): Finding {
  return { check, status: 'good', finding }
}

/** It works, but will cause trouble some day. */
export function warning(check: Check, finding: string, advice: string): Finding {
  return { check, status: 'warning', finding, advice }
}

/** Something does not work, or is not safe. */
export function bad(check: Check, finding: string, advice: string): Finding {
  return { check, status: 'bad', finding, advice }
}

/** A check that was not made, and why. */
export function skipped(check: Check, finding: string): Finding {
  return { check, status: 'skipped', finding }
}

/** Adds the checks that were not made, with the reason, so that a missing check never looks like a good one. */
export function completed(
  findings: readonly Finding[],
  why: string,
  within: readonly (keyof typeof groups)[] = Object.keys(groups) as (keyof typeof groups)[],
): Finding[] {
  const seen = new Set<Check>(findings.map(({ check }) => check))
  const missing = within.flatMap((group) => groups[group] as readonly Check[]).filter((check) => !seen.has(check))
  return [...findings, ...missing.map((check) => skipped(check, why))]
}
