import type { JsonObject } from '#verify/strict-json'
import type { AccountToImport } from '../../operations/import-account.ts'
import type { ClientToImport } from '../../operations/import-client.ts'
import { descriptiveClaims, type Profile } from '../../records/accounts/account.ts'
import { readAddress } from '../../records/accounts/profile-rules.ts'
import { metadataMembers } from '../../records/clients/client.ts'
import { membersOf, nameOf, notTakenOver, Refused, type Translated, translated } from './members.ts'

/** A user in our own format: the claims under their names (OpenID Connect Core §5.1), and `username`, `password_hash`, `disabled`. */
export function userOfRow(row: JsonObject): Translated<AccountToImport> {
  const id = nameOf(row, 'sub', 'username', 'email')
  return translated(id, () => {
    const read = membersOf(row)
    if (read.value('password') !== undefined)
      throw new Refused('password: passwords are not imported, only their hashes (password_hash).')
    const address = read.object('address')
    const claims = (['username', ...descriptiveClaims, 'phone_number'] as const).map((claim) => [
      claim,
      read.text(claim),
    ])
    const profile: Profile = {
      ...Object.fromEntries(claims.filter(([, value]) => value !== undefined)),
      ...(address && { address: readAddress(JSON.stringify(address)) }),
    }
    const item = {
      ...{ sub: read.text('sub'), profile, email: read.text('email') },
      emailVerified: read.flag('email_verified') ?? false,
      disabled: read.flag('disabled') ?? false,
      passwordHash: read.text('password_hash'),
    }
    return { kind: 'import', id, item, notes: read.unread() }
  })
}

/** Members that `signet clients show` and registration responses contain, and that mean nothing here. */
const meaningless = ['client_id_issued_at', 'registration_access_token', 'registration_client_uri']

/** A client in our own format: its metadata under the names of RFC 7591 §2, with `client_id` and `client_secret`, or `client_secrets`. */
export function clientOfRow(row: JsonObject): Translated<ClientToImport> {
  const id = nameOf(row, 'client_id')
  return translated(id, () => {
    const read = membersOf(row)
    const clientId = read.text('client_id')
    if (clientId === undefined) throw new Refused('client_id is missing.')
    const secret = read.text('client_secret')
    const secrets = [...(read.texts('client_secrets') ?? []), ...(secret === undefined ? [] : [secret])]
    const notes: string[] = []
    const expires = read.value('client_secret_expires_at')
    // Seconds since 1970 (RFC 7591 §3.2.1). Here it would never expire, so it would be valid again.
    if (typeof expires === 'number' && expires !== 0 && expires * 1000 <= Date.now())
      throw new Refused('Its secret has expired (client_secret_expires_at). Leave the secret and this member out.')
    if (expires !== undefined && expires !== 0) notes.push(notTakenOver('client_secret_expires_at'))
    for (const name of meaningless) read.value(name)
    const administrative: readonly string[] = ['first_party', 'groups']
    const taken = metadataMembers.filter((name) => !administrative.includes(name) && Object.hasOwn(row, name))
    const metadata = Object.fromEntries(taken.map((name) => [name, read.value(name)]))
    return {
      ...{ kind: 'import', id: clientId, notes: [...notes, ...read.unread()] },
      item: { clientId, metadata, secrets, unknownScopes: 'refused' },
    }
  })
}
