import type { Application, Way } from './application.ts'

/** A file, or the input of a shell, as a library or program wants it. */
export interface Part {
  /** Where it goes: the name of a file, or what to do with it. */
  readonly file: string
  /** The language of a fenced block. */
  readonly language: string
  readonly text: string
}

/** How to configure one library or program for a client. The text follows its own documentation. */
export interface Recipe {
  /** Its name, for sentences. */
  readonly title: string
  /** The clients that it is for; the first is the one of the documentation. */
  readonly ways: readonly [Way, ...Way[]]
  /** The kind of public client that it is for, if it is for one of them. */
  readonly publicKind?: 'spa' | 'native' | 'mcp'
  /** Why it is for no others: the rest of a sentence that begins with its name. */
  readonly because?: string
  /** The path or URI at which it receives the answer, as its documentation has it. An application in a folder has the path below it. */
  readonly callback?: string
  /** Whether it receives the answer nowhere else. */
  readonly callbackIsFixed?: true
  /** Whether it does not sign people in with OpenID Connect, and needs no openid. */
  readonly isOAuthOnly?: true
  /** How it sends the secret, if the configuration does not say it. */
  readonly secretBy?: 'client_secret_basic' | 'client_secret_post'
  /** Whether the configuration signs assertions with the secret if the client must (client_secret_jwt). */
  readonly signsWithSecret?: true
  /** What it sends if configured like this. The default is PKCE. */
  readonly sends?: 'nonce' | 'neither'
  /** The only algorithm that it accepts in ID tokens, if the configuration does not say it. */
  readonly idTokenAlg?: string
  /** Whether the configuration pushes authorization requests if the client must (RFC 9126). */
  readonly pushes?: true
  /** What else its users must know. */
  readonly notes?: readonly string[]
  readonly parts: (app: Application) => readonly Part[]
  /** How an application that uses it registers itself (RFC 7591), if it can. */
  readonly registersItself?: (registration: Registration) => readonly Part[]
  /** Whether it can do that only where registration is open, because it cannot send an initial access token. */
  readonly registersWithoutToken?: true
}

/** What an application needs to register itself. */
export interface Registration {
  readonly issuer: string
  /** Undefined: registration is open. */
  readonly initialAccessToken: string | undefined
}

/** Why a library on a server is for confidential clients only. */
export const onServer = 'keeps the sign-in on the server of the application'

/** The parameter `scope` of a sign-in. */
export function scopeOf({ signInScopes }: Application): string {
  return signInScopes.join(' ')
}

/** The same as a list, for what adds openid itself. */
export function beyondOpenid({ signInScopes }: Application): readonly string[] {
  return signInScopes.filter((scope) => scope !== 'openid')
}

/** Scheme, host and port of the address at which the application runs. */
export function originOf({ redirectUri }: Application): string {
  return URL.canParse(redirectUri) && /^https?:/.test(redirectUri)
    ? new URL(redirectUri).origin
    : 'https://app.example.com'
}

/** The address of an application that receives the answer at `callback`: it may be in a folder of the host. */
export function baseOf(app: Application, callback: string): string {
  return app.redirectUri.endsWith(callback) ? app.redirectUri.slice(0, -callback.length) : originOf(app)
}

/** The path at which the application receives the answer. */
export function callbackPathOf({ redirectUri }: Application): string {
  return URL.canParse(redirectUri) ? new URL(redirectUri).pathname : '/callback'
}

/** Whether Signet has no TLS, which most libraries accept only if told so. */
export function isPlainHttp({ issuer }: Application): boolean {
  return issuer.startsWith('http:')
}
