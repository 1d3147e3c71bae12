import { secretStates } from '../../key-ring/secret-schedule.ts'
import { purposes, type StoredPurposeSecret } from '../../platform/secrets/purpose-secrets.ts'
import { bad, type Finding, good, skipped, warning } from './finding.ts'

const day = 86_400_000

/** Days. A symmetric key for authentication may be used for at most two years (NIST SP 800-57 part 1, §5.3.6). */
const maxUse = 2 * 365

/**
 * Whether every purpose has a secret, and none has been in use for too long.
 *
 * @param now milliseconds since 1970, the database's
 * @param revoked those that are revoked in the keys directory
 */
export function judgePurposeSecrets(
  stored: readonly StoredPurposeSecret[],
  now: number,
  revoked: readonly StoredPurposeSecret[] = [],
): Finding {
  if (stored.length === 0) return skipped('purpose-secrets', 'There are none yet; the first start creates them.')
  const known = stored.flatMap((row) => {
    const purpose = purposes.find((name) => name === row.purpose)
    return purpose ? [{ ...row, purpose }] : []
  })
  if (revoked.length > 0)
    return bad(
      'purpose-secrets',
      `Revoked in the keys directory, but not in the database: ${revoked.map(nameOf).join(', ')}.`,
      "A backup was restored, or a command was interrupted. Run 'signet recover' now: servers may still accept what was made with it.",
    )
  const states = [...secretStates(known, now)]
  const of = (state: string) => states.filter(([, is]) => is === state).map(([version]) => version)
  const active = of('active')
  const missing = purposes.filter((name) => !active.some(({ purpose }) => purpose === name))
  if (missing.length > 0)
    return bad(
      'purpose-secrets',
      `There is no secret for ${missing.join(', ')}.`,
      'The next start of the server creates what is missing. If rows were lost, restore purpose_secrets from a backup.',
    )
  const old = active.filter((version) => now - usedSince(version) > maxUse * day)
  if (old.length > 0)
    return warning(
      'purpose-secrets',
      `In use for more than two years: ${old.map(nameOf).join(', ')}.`,
      "Replace them with 'signet keys rotate-secrets'. Users do not notice it.",
    )
  const oldest = Math.min(...active.map(usedSince))
  const others = of('standby').length + of('retiring').length
  return good(
    'purpose-secrets',
    `Every purpose has a secret; the oldest has been in use for ${Math.floor((now - oldest) / day)} days` +
      `${others > 0 ? `, and ${others} more ${others === 1 ? 'version is' : 'versions are'} accepted` : ''}.`,
  )
}

function usedSince({ publishedAt, activatesAt }: StoredPurposeSecret): number {
  return Math.max(publishedAt, activatesAt)
}

function nameOf({ purpose, version }: { readonly purpose: string; readonly version: number }): string {
  return `${purpose} (version ${version})`
}
