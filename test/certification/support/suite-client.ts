import type { ClientKeys } from './client-keys.ts'
import type { Play } from './play.ts'

/** One of the suite's clients at Signet. */
export interface SuiteClient {
  readonly client_id: string
  readonly client_secret: string | undefined
  readonly authentication: Play['variant']['authentication']
  readonly redirectUri: string
  readonly keys: ClientKeys
  /** The response to its registration, if it has registered itself. */
  // biome-ignore lint/suspicious/noExplicitAny: tests read arbitrary members of responses
  readonly registration?: any
}

export type Role = 'first' | 'second'
