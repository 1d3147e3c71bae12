import { createHmac } from 'node:crypto'
import { type SubjectMetadata, sectorOf } from '../records/clients/sector.ts'
import type { Sub, Subject } from '../records/ids.ts'
import type { Signet } from '../signet.ts'

/**
 * The claim `sub` of a person for a client (OpenID Connect Core §8). Everything that a client or an API can read must carry this one, and what they send back
 * (hints, tokens) is compared with it.
 *
 * For a pairwise client it is calculated (§8.1, the second method), not stored: the first 128 bits of HMAC-SHA-256 under the salt of the installation. So it has
 * the form of an account's `sub`, no two sectors can compare theirs, and neither of them can find out the account's own. The sector is that of the client as it
 * is registered now.
 */
export function subjectFor({ subjectSalt }: Pick<Signet, 'subjectSalt'>, client: SubjectMetadata, sub: Sub): Subject {
  if (client.subject_type === 'public') return sub as string as Subject
  const sector = sectorOf(client)
  // `completeMetadata` has refused such a client, so its row was changed by something else.
  if (sector === undefined) throw new Error('A pairwise client has no sector, so it cannot be told who anybody is.')
  // Neither a host nor a `sub` contains the separator, so no two pairs have the same input.
  const mac = createHmac('sha256', subjectSalt).update(`${sector}\0${sub}`).digest()
  return mac.subarray(0, 16).toString('base64url') as Subject
}
