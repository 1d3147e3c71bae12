import type { ClientId, SessionId, Sub } from '../ids.ts'

/**
 * Why a grant ended. It is stored in `grants.end_reason`, and a trigger (migration 004) copies it to the event `grant_ended`. Decisions
 * whose rows are updated later have it in `endings.reason`, `accounts.grants_end_reason` and `disconnections.reason`. Sessions have no
 * reason.
 */
export type GrantEndReason =
  | 'code_replayed'
  | 'refresh_reused'
  | 'refresh_exhausted'
  | 'refresh_secret_revoked'
  | 'revoked_by_operator'
  | 'revoked_by_client'
  | 'signed_out'
  | 'account_disabled'
  | 'password_set'
  | 'password_changed'
  | 'password_recovered'
  | 'email_change_undone'
  | 'account_reported'
  | 'account_deleted'
  | 'client_secret_rotated'
  | 'client_secret_revoked'
  | 'client_deleted'
  | 'disconnected'
  | 'superseded'

/** Why all grants of an account end. */
export type AccountEndReason = Extract<
  GrantEndReason,
  | 'account_disabled'
  | 'account_deleted'
  | 'password_set'
  | 'password_changed'
  | 'password_recovered'
  | 'email_change_undone'
  | 'account_reported'
  | 'revoked_by_operator'
>

/** A decision to end sessions or grants: which rows to update, and the reason to store in them. */
export type Ending = { readonly reason: GrantEndReason } & (
  | /** The sessions and grants of an account that belong to an earlier epoch. */ {
      readonly kind: 'account'
      readonly sub: Sub
      readonly epoch: number
    }
  | /** The grants of an account that belong to an earlier epoch. Its sessions continue. */ {
      readonly kind: 'account_grants'
      readonly sub: Sub
      readonly epoch: number
    }
  | /** The sessions of an account that belong to an earlier epoch, and the grants that are bound to them. */ {
      readonly kind: 'sessions'
      readonly sub: Sub
      readonly epoch: number
    }
  | /** The grants that are bound to these sessions of an account. */ {
      readonly kind: 'session_grants'
      readonly sub: Sub
      readonly sessionIds: readonly SessionId[]
    }
  | /** The grants of a person to a client that belong to an earlier epoch. */ {
      readonly kind: 'connection'
      readonly sub: Sub
      readonly clientId: ClientId
      readonly epoch: number
    }
  | /** The grants of a client, of all people, that belong to an earlier epoch of the client. */ {
      readonly kind: 'client_grants'
      readonly clientId: ClientId
      readonly epoch: number
    }
  | /** All rows of a client, and the client itself. */ { readonly kind: 'client'; readonly clientId: ClientId }
  | /** The grants whose refresh tokens were made with this version of the secret. */ {
      readonly kind: 'refresh_secret'
      readonly version: number
    }
)
