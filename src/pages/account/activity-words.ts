import type { Messages } from '../../html/messages/messages.ts'
import type { Activity } from '../../records/events/activity-store.ts'
import type { EventType } from '../../records/events/events-store.ts'

type Word = keyof Messages['activityEvents']

/** Events that are not shown to the person they are about, and why. */
const notShown = {
  account_deleted: 'nobody can sign in to the account any more',
  names_converted: 'the names mean the same as before',
  invitation_created: 'about nobody who has an account yet',
  invitation_accepted: 'account_created is shown',
  invitation_cancelled: 'about nobody who has an account yet',
  grant_opened: 'too many: each sign-in to an application; what was allowed is shown',
  grant_ended: 'follows from an event that is shown',
  tokens_issued: 'too many',
  token_revoked: 'an application signing out',
  refresh_forgiven: 'a lost response',
  refresh_advanced: 'concerns the operator',
  client_created: 'about a client',
  client_updated: 'about a client',
  client_deleted: 'about a client',
  client_secret_rotated: 'about a client',
  client_secret_revoked: 'about a client',
  resource_created: 'about an API',
  resource_updated: 'about an API',
  resource_deleted: 'about an API',
  group_created: 'about no person',
  group_deleted: 'about no person',
  client_adopted: 'about a client',
  registration_token_created: 'about no person',
  registration_token_revoked: 'about no person',
  key_created: 'about a key',
  key_imported: 'about a key',
  key_scheduled: 'about a key',
  key_superseded: 'about a key',
  key_retired: 'about a key',
  key_revoked: 'about a key',
  key_restored: 'about a key',
  keys_resealed: 'about keys',
  secret_created: 'about a secret',
  secret_revoked: 'about a secret',
  secret_retired: 'about a secret',
  installation_recovered: 'about no person',
} as const satisfies Partial<Record<EventType, string>>

/** An event that people see. */
export type ShownType = Exclude<EventType, keyof typeof notShown>

/** The text for each type that is shown. */
const words: Readonly<Record<ShownType, Word>> = {
  account_created: 'account_created',
  account_disabled: 'account_disabled',
  account_enabled: 'account_enabled',
  account_updated: 'account_updated',
  email_unverified: 'email_unverified',
  email_verification_requested: 'email_verification_requested',
  email_code_failed: 'email_code_failed',
  email_verified: 'email_verified',
  email_disowned: 'email_disowned',
  email_change_requested: 'email_change_requested',
  email_change_cancelled: 'email_change_cancelled',
  email_changed: 'email_changed',
  email_change_undone: 'email_change_undone',
  password_set: 'password_set',
  password_changed: 'password_changed',
  password_removed: 'password_removed',
  recovery_requested: 'recovery_requested',
  recovery_link_printed: 'recovery_link_printed',
  password_recovered: 'password_recovered',
  passkey_added: 'passkey_added',
  passkey_renamed: 'passkey_renamed',
  passkey_removed: 'passkey_removed',
  passkey_refused: 'passkey_refused',
  passkey_counter_went_back: 'passkey_counter_went_back',
  totp_added: 'totp_added',
  totp_removed: 'totp_removed',
  recovery_codes_created: 'recovery_codes_created',
  recovery_code_used: 'recovery_code_used',
  second_factor_failed: 'second_factor_failed',
  factors_reset: 'factors_reset',
  account_report_requested: 'account_report_requested',
  account_reported: 'account_reported',
  data_downloaded: 'data_downloaded',
  session_raised: 'session_raised',
  reauthentication_failed: 'reauthentication_failed',
  signed_in: 'signed_in',
  sign_in_failed: 'sign_in_failed',
  signed_out: 'signed_out',
  sessions_ended: 'sessions_ended',
  consent_given: 'consent_given',
  consent_refused: 'consent_refused',
  device_authorized: 'device_authorized',
  device_denied: 'device_denied',
  application_disconnected: 'application_disconnected',
  grant_revoked: 'grants_revoked',
  grants_revoked: 'grants_revoked',
  code_replayed: 'token_copied',
  refresh_exhausted: 'token_copied',
  refresh_reused: 'token_copied',
  group_member_added: 'group_member_added',
  group_member_removed: 'group_member_removed',
  mail_failed: 'mail_failed',
  logout_token_failed: 'logout_token_failed',
}

/** The types that people see. */
export const shownTypes = Object.keys(words) as readonly ShownType[]

/** What an event is called: the key of its text. */
export function wordFor({ type, detail }: Pick<Activity, 'type' | 'detail'>): Word {
  const amr = Array.isArray(detail['amr']) ? detail['amr'] : []
  if (type === 'signed_in' && amr.includes('pop')) return 'signed_in_with_passkey'
  if (type === 'signed_in' && amr.includes('otp')) return 'signed_in_with_code'
  return words[type as ShownType]
}

/**
 * What a person can report as not done by themselves: somebody got in, or changed how one gets in. Not what an operator did, and not what takes no access to
 * the account.
 */
const reportable: ReadonlySet<string> = new Set<ShownType>([
  'account_updated',
  'consent_given',
  'data_downloaded',
  'device_authorized',
  'email_change_requested',
  'email_changed',
  'passkey_added',
  'passkey_counter_went_back',
  'passkey_removed',
  'password_changed',
  'password_recovered',
  'password_removed',
  'recovery_code_used',
  'recovery_codes_created',
  'second_factor_failed',
  'session_raised',
  'signed_in',
  'totp_added',
  'totp_removed',
])

/** Days for which something can be reported, as for the links in mails (`notMeDays`). */
export { notMeDays as reportableDays } from '../../operations/notify-person.ts'

/** Whether the person can report an event, as long as it is recent enough. */
export function isReportable({ type, detail }: Pick<Activity, 'type' | 'detail'>): boolean {
  return reportable.has(type) && detail['by'] === undefined
}

/**
 * Whether the person sees where a request came from. Whoever disowns an address is somebody else, who has done nothing wrong.
 */
export function showsOrigin({ type }: Pick<Activity, 'type'>): boolean {
  return type !== 'email_disowned'
}

/** For the test that every type is one or the other. */
export const notShownTypes = Object.keys(notShown)
