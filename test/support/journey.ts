import { createHash, randomBytes } from 'node:crypto'
import type { Browser, Visit } from './browser.ts'
import { defaultRedirectUri, type Idp, type Person, type Reply, type TestClient } from './idp.ts'

export interface Pkce {
  readonly verifier: string
  readonly challenge: string
}

export function pkce(): Pkce {
  const verifier = randomBytes(32).toString('base64url')
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') }
}

/** The parameters of a valid authorization request, with these added or replaced; an empty value removes the parameter. */
export function authorizationParameters(
  client: TestClient,
  { challenge }: Pkce,
  more: Record<string, string> = {},
): Record<string, string> {
  const all = {
    client_id: client.client_id,
    response_type: 'code',
    redirect_uri: client.redirect_uris[0] ?? defaultRedirectUri,
    scope: 'openid offline_access',
    state: randomBytes(8).toString('hex'),
    code_challenge: challenge,
    code_challenge_method: 'S256',
    ...more,
  }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ''))
}

export interface SignedIn {
  readonly browser: Browser
  readonly person: Person
  /** The authorization response at the redirect URI. */
  readonly response: URLSearchParams
  readonly code: string
  readonly pkce: Pkce
  /** Redeems a code that was issued in this journey. */
  readonly redeem: (code?: string, more?: Record<string, string>) => Promise<Reply>
}

/** Walks through a complete sign-in: authorization request, sign-in if asked, consent if asked, and back to the application. */
export async function signIn(
  idp: Idp,
  client: TestClient,
  options: { person?: Person; browser?: Browser; parameters?: Record<string, string> } = {},
): Promise<SignedIn> {
  const person = options.person ?? (await idp.person())
  const browser = options.browser ?? idp.browser()
  const proof = pkce()
  const parameters = authorizationParameters(client, proof, options.parameters)
  const back = await passPages(browser, await browser.get(`/authorize?${new URLSearchParams(parameters)}`), person)
  if (!back.location) throw new Error(`The journey ended at ${back.url} with ${back.status}:\n${back.text}`)
  const answered = new URL(back.location)
  const response = answered.hash === '' ? answered.searchParams : new URLSearchParams(answered.hash.slice(1))
  const code = response.get('code') ?? ''
  return {
    browser,
    person,
    response,
    code,
    pkce: proof,
    redeem: (another = code, more = {}) =>
      idp.token(client, {
        grant_type: 'authorization_code',
        code: another,
        redirect_uri: parameters['redirect_uri'] ?? '',
        code_verifier: proof.verifier,
        ...more,
      }),
  }
}

/**
 * Signs in and consents on the pages that appear, until the browser is redirected away from Signet.
 *
 * @param onPage called for each page on the way
 */
export async function passPages(
  browser: Browser,
  first: Visit,
  person: Person,
  onPage: (page: Visit) => void = () => {},
): Promise<Visit> {
  let visit = await browser.follow(first)
  for (let pages = 0; visit.location === undefined && pages < 4; pages++) {
    onPage(visit)
    if (visit.text.includes('id="sign-in"'))
      visit = await browser.submit(visit, 'sign-in', { username: person.username, password: person.password })
    else if (visit.text.includes('id="allow"')) visit = await browser.submit(visit, 'allow', { decision: 'allow' })
    else break
    visit = await browser.follow(visit)
  }
  return visit
}
