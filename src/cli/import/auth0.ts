import type { JsonObject } from '#verify/strict-json'
import type { AccountToImport } from '../../operations/import-account.ts'
import type { Profile } from '../../records/accounts/account.ts'
import { acceptedClaims, splitUsername } from './foreign-profile.ts'
import { isEmpty, membersOf, nameOf, notTakenOver, type Translated, translated } from './members.ts'

/** What the bulk export of users contains that is not imported. Notes are only made for members that say something. */
const notImported = ['app_metadata', 'user_metadata', 'multifactor', 'guardian_authenticators', 'phone_verified']
/** Records of use, and copies of other members. */
const meaningless =
  'created_at updated_at last_login last_ip last_password_reset logins_count identities emails multifactor_last_modified blocked_for'.split(
    ' ',
  )

/**
 * A user of the bulk export. `user_id` is the `sub` that applications know. The bulk export has no password hashes: Auth0 sends them as a separate
 * file.
 *
 * @param hashes by the ID in the database of Auth0, which follows `auth0|` in `user_id`
 */
export function userOfAuth0(row: JsonObject, hashes: ReadonlyMap<string, string>): Translated<AccountToImport> {
  const id = nameOf(row, 'user_id', 'email')
  return translated(id, () => {
    const read = membersOf(row)
    const sub = read.text('user_id')
    const { email, username, notes: nameNotes } = splitUsername(read.text('username'), read.text('email'))
    const isMoved = email !== read.text('email')
    const claims = ['name', 'given_name', 'family_name', 'nickname', 'picture', 'locale', 'phone_number'] as const
    const { profile, notes } = acceptedClaims(Object.fromEntries(claims.map((claim) => [claim, read.text(claim)])))
    const isDatabaseUser = sub?.startsWith('auth0|') ?? false
    const passwordHash = isDatabaseUser ? hashes.get(sub!.slice('auth0|'.length)) : undefined
    const left = notImported.filter((name) => !isEmpty(read.value(name))).map(notTakenOver)
    for (const name of meaningless) read.value(name)
    const social = sub && !isDatabaseUser ? [`The sign-in by ${sub.split('|')[0]} is not taken over.`] : []
    const item = {
      ...{ sub, email, passwordHash, disabled: read.flag('blocked') ?? false },
      profile: { ...profile, ...(username !== undefined && { username }) } satisfies Profile,
      emailVerified: !isMoved && (read.flag('email_verified') ?? false),
    }
    return { kind: 'import', id, item, notes: [...nameNotes, ...notes, ...left, ...social, ...read.unread()] }
  })
}

/** An entry of the export of password hashes: the ID of a user in the database of Auth0, and the hash. */
export function hashOfAuth0(row: JsonObject): { readonly id: string; readonly hash: string } | undefined {
  const [id, hash] = [row['_id'], row['passwordHash']]
  const text = typeof id === 'object' && id !== null ? (id as JsonObject)['$oid'] : id
  return typeof text === 'string' && typeof hash === 'string' ? { id: text, hash } : undefined
}
