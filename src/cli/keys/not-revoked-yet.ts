import type { KeyView } from '../../key-ring/key-snapshot.ts'
import { oneLine } from '../output.ts'
import type { Terminal } from '../terminal.ts'

/**
 * Warns on standard error about keys that are revoked by the keys directory and not by the database. A command that only looks does
 * not carry the revocation out.
 */
export function sayNotRevokedYet(
  { writeError }: Pick<Terminal, 'writeError'>,
  { notRevokedYet }: Pick<KeyView, 'notRevokedYet'>,
): void {
  if (notRevokedYet.length === 0) return
  const kids = notRevokedYet.map(oneLine).join(', ')
  writeError(
    `signet: The keys directory says that ${kids} was revoked, but the database does not: signet recover carries that out.\n`,
  )
}
