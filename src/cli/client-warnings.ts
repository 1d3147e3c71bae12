import type { RegisteredClient } from '../operations/client-registration.ts'
import type { Settings } from '../platform/config/settings.ts'
import { isClaimable } from '../records/clients/redirect-uri-rules.ts'
import type { Terminal } from './terminal.ts'

/* What an operator is told on standard error about a client that has been created or changed. */

/** OpenID Connect Core §8.1. It is too late to ask, but the operator must know why all users of the application are new. */
export function warnOfSubjects({ writeError }: Terminal): void {
  writeError(
    'signet: Warning: this application now knows every user by another sub. Unless it can match them by something else, all of them are new users to it. Its ' +
      'grants have ended, so its users sign in again. To undo this, set subject_type, sector_identifier_uri and redirect_uris back: the former subs return.\n',
  )
}

/** RFC 8252 §8.6: warns on standard error if the command has set a redirect URI with a scheme that is not a domain name. */
export function warnOfClaimableSchemes(
  { writeError }: Terminal,
  client: RegisteredClient,
  given: Readonly<Record<string, unknown>>,
): void {
  const uris = [
    ...(given['redirect_uris'] === undefined ? [] : client.redirect_uris),
    ...(given['post_logout_redirect_uris'] === undefined ? [] : client.post_logout_redirect_uris),
  ]
  const schemes = new Set(uris.filter(isClaimable).map((uri) => uri.slice(0, uri.indexOf(':'))))
  for (const scheme of schemes)
    writeError(
      `signet: Warning: any other app on the same device can claim the scheme ${scheme}: and receive responses meant for this one. ` +
        'If possible, use https or a reversed domain name that you own (RFC 8252, section 7.1).\n',
    )
}

/** Registering response types is not enough: the server must offer them. */
export function warnOfTypesTurnedOff(
  { writeError }: Terminal,
  { response_types: types }: RegisteredClient,
  { legacyResponseTypes }: Pick<Settings, 'legacyResponseTypes'>,
): void {
  const older = types.filter((type) => type !== 'code')
  if (older.length === 0 || legacyResponseTypes === 'on') return
  writeError(
    `signet: Warning: ${older.map((type) => `"${type}"`).join(', ')} will be refused, because SIGNET_LEGACY_RESPONSE_TYPES is off. To offer response types that return ` +
      'tokens through the browser, set it to on and restart the servers. If the application can use code, it does not need them.\n',
  )
}
