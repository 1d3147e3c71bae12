import { deviceCodeGrant } from '../../src/records/clients/client.ts'
import type { Browser, Visit } from './browser.ts'
import { basic, type Idp, type Person, type Reply, type TestClient } from './idp.ts'

export const deviceGrants = {
  grant_types: [deviceCodeGrant, 'refresh_token'],
  redirect_uris: [],
  response_types: [],
} as const

/** Metadata of a device, as `--kind device` sets it. */
export const ofDevice = { ...deviceGrants, token_endpoint_auth_method: 'none', refresh_token_rotation: true } as const

/** A device that has sent its request (RFC 8628 §3.1). */
export interface StartedDevice {
  /** The response of the device authorization endpoint. */
  readonly issued: Readonly<
    Record<'device_code' | 'user_code' | 'verification_uri' | 'verification_uri_complete', string>
  > & {
    readonly expires_in: number
    readonly interval: number
  }
  /** Asks for the tokens once. */
  readonly poll: (more?: Record<string, string>) => Promise<Reply>
}

/** POST /device_authorization, authenticated with Basic if the client has a secret. */
export async function askForDevice(idp: Idp, client: TestClient, parameters: Record<string, string>): Promise<Reply> {
  const headers = client.secret === undefined ? {} : { authorization: basic(client.client_id, client.secret) }
  const body = new URLSearchParams({
    ...(client.secret === undefined && { client_id: client.client_id }),
    ...parameters,
  })
  const response = await fetch(`${idp.issuer}/device_authorization`, { method: 'POST', headers, body })
  return { status: response.status, headers: response.headers, body: await response.json() }
}

export async function startDevice(
  idp: Idp,
  client: TestClient,
  parameters: Record<string, string> = {},
): Promise<StartedDevice> {
  const { status, body: issued } = await askForDevice(idp, client, { scope: 'openid offline_access', ...parameters })
  if (status !== 200) throw new Error(`No device code: ${JSON.stringify(issued)}`)
  const poll = (more = {}) =>
    idp.token(client, { grant_type: deviceCodeGrant, device_code: issued.device_code, ...more })
  return { issued, poll }
}

/** Opens the link of a device, and goes on to the page with the decision. Signs in if asked. */
export async function openRequest(browser: Browser, person: Person, device: StartedDevice): Promise<Visit> {
  let page = await browser.get(device.issued.verification_uri_complete)
  page = await browser.follow(await browser.submit(page, 'continue'))
  if (page.text.includes('id="sign-in"')) {
    const { username, password } = person
    page = await browser.follow(await browser.submit(page, 'sign-in', { username, password }))
    page = await browser.follow(await browser.submit(page, 'continue'))
  }
  return page
}

/** A person decides about the request of a device. Returns the last page. */
export async function decide(
  browser: Browser,
  person: Person,
  device: StartedDevice,
  decision: 'allow' | 'deny' = 'allow',
): Promise<Visit> {
  const page = await openRequest(browser, person, device)
  return browser.follow(await browser.submit(page, decision, { decision }))
}
