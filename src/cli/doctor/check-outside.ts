import { randomInt } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { PublicJwk } from '../../key-ring/sealed-key.ts'
import type { Settings } from '../../platform/config/settings.ts'
import type { Queryable } from '../../platform/database/queryable.ts'
import { isLoopbackHost } from '../../platform/network-address.ts'
import { findRefusals } from '../../records/refusals/refusals-store.ts'
import { judgeCertificate, readCertificate } from './check-certificate.ts'
import { judgeClientAddress } from './check-client-address.ts'
import { judgeClock } from './check-clock.ts'
import { judgeCaching, judgeCrossOrigin, judgeJwkSet } from './check-jwk-set.ts'
import { judgeMetadata } from './check-metadata.ts'
import { judgeMetrics, judgePlainHttp, judgeReadiness, judgeRequestId } from './check-operations.ts'
import { bad, type Check, completed, type Finding, skipped } from './finding.ts'
import { type HttpResponse, type RequestOptions, sendRequest } from './http-request.ts'
import { reasonOf, stepTimeout } from './reason.ts'

export interface Outside {
  readonly settings: Settings
  /** The origin to check: the issuer, unless `--url` is given. */
  readonly base: string
  /** The keys that the database publishes, and the database; undefined if it could not be queried. */
  readonly published: readonly { readonly kid: string; readonly publicJwk: PublicJwk }[] | undefined
  readonly database: Queryable | undefined
  readonly stopSignal: AbortSignal
  /** This machine's clock, in milliseconds since 1970. */
  readonly now: () => number
}

/** Checks the installation as clients see it, through DNS, TLS and proxies. */
export async function checkOutside(outside: Outside): Promise<Finding[]> {
  const { settings, base, now, stopSignal } = outside
  const { issuer } = settings
  const certificate = await checkCertificate(outside)
  const only = (findings: readonly Finding[], why: string) => completed(findings, why, ['From outside'])
  if (certificate.status === 'bad') return only([certificate], 'The certificate is not valid.')

  const options: RequestOptions = { as: issuer, stopSignal, now }
  const metadata = await sendRequest(`${base}/.well-known/openid-configuration`, options).catch((error: unknown) =>
    unreachable(base, error),
  )
  if ('check' in metadata) return only([certificate, metadata], 'There is no response.')
  const found = judgeMetadata(metadata, issuer, base)
  if (found.status === 'bad') return only([certificate, found], 'The server that responds is not this installation.')

  const checkPath = (check: Check, path: string, judge: (answer: HttpResponse) => Finding | Finding[], headers = {}) =>
    sendRequest(`${base}${path}`, { ...options, headers }).then(judge, (error: unknown) =>
      bad(
        check,
        `${path}: ${reasonOf(error)}.`,
        'The metadata request succeeded: check what the proxy does with this path.',
      ),
    )
  const others = await Promise.all([
    checkPath('jwk-set', '/.well-known/jwks.json', (answer) => judgeKeys(answer, outside), {
      'accept-encoding': 'gzip',
    }),
    checkPath('readiness', '/readyz', judgeReadiness),
    checkPath('metrics', '/metrics', (answer) => judgeMetrics(answer, isLoopbackHost(new URL(issuer).hostname))),
    checkPlainHttp(outside),
    checkClientAddress(outside, hasProxy(metadata, outside)),
  ])
  const clock = judgeServerClock(metadata, settings.clockSkew)
  return only([certificate, found, clock, judgeRequestId(metadata), ...others.flat()], 'There is no JWK Set.')
}

function judgeKeys(answer: HttpResponse, { published, settings }: Outside): Finding[] {
  const findings = [judgeJwkSet(answer, published)]
  return answer.status === 200
    ? [...findings, ...judgeCaching(answer, settings.jwksMaxAge), judgeCrossOrigin(answer)]
    : findings
}

async function checkCertificate({ settings, base, stopSignal, now }: Outside): Promise<Finding> {
  if (base.startsWith('http:')) return skipped('certificate', `${base} does not use TLS.`)
  try {
    return judgeCertificate(await readCertificate(base, settings.issuer, stopSignal), now())
  } catch (error) {
    return skipped('certificate', `It cannot be read: ${reasonOf(error)}.`)
  }
}

function unreachable(base: string, error: unknown): Finding {
  return bad(
    'metadata',
    `${base} does not respond: ${reasonOf(error)}.`,
    'Check that Signet is running (signet serve), and that DNS, firewall and proxy lead to it.',
  )
}

function judgeServerClock({ headers, sentAt, receivedAt }: HttpResponse, clockSkew: number): Finding {
  const otherClock = Date.parse(headers.date ?? '')
  if (Number.isNaN(otherClock)) return skipped('server-clock', 'The response has no Date header.')
  return judgeClock(
    'server-clock',
    "The server's clock",
    { sentAt, receivedAt, otherClock, resolution: 1_000 },
    clockSkew,
  )
}

async function checkPlainHttp({ settings: { issuer }, base, stopSignal, now }: Outside): Promise<Finding> {
  const { protocol, port, hostname } = new URL(issuer)
  if (base !== issuer) return skipped('plain-http', 'Not checked with --url.')
  if (protocol === 'http:' || port !== '') return skipped('plain-http', 'The issuer is not https on port 443.')
  const url = `http://${hostname}/.well-known/openid-configuration`
  // Firewalls drop packets silently, so a timeout counts as a refusal.
  const answer = await sendRequest(url, { as: issuer, stopSignal, now, timeout: 2_000 }).catch(() => undefined)
  return judgePlainHttp(answer, issuer)
}

/** Signet sends neither Server nor Via. If it does not serve HTTPS itself but the address is https, there must be a proxy. */
function hasProxy({ headers }: HttpResponse, { settings, base }: Outside): boolean {
  const marks = ['via', 'server', 'age', 'x-cache', 'cf-ray', 'x-served-by']
  return marks.some((name) => headers[name] !== undefined) || (base.startsWith('https:') && !settings.tls)
}

/**
 * Sends a request that is refused, with an address of RFC 5737 in X-Forwarded-For, and looks up in the database which address Signet
 * recorded.
 */
async function checkClientAddress(
  { base, database, settings, stopSignal, now }: Outside,
  proxied: boolean,
): Promise<Finding> {
  if (!database)
    return skipped('client-address', 'The address that Signet recorded is in the database, which could not be queried.')
  const forged = `192.0.2.${randomInt(1, 255)}`
  const headers = { 'content-type': 'application/x-www-form-urlencoded', 'x-forwarded-for': forged }
  try {
    const { headers: answered, from } = await sendRequest(`${base}/token`, {
      method: 'POST',
      headers,
      body: '',
      as: settings.issuer,
      stopSignal,
      now,
    })
    const id = answered['x-request-id']
    const recorded = typeof id === 'string' ? await recordedAddress(database, id.slice(0, 64), stopSignal) : undefined
    if (recorded === undefined)
      return skipped('client-address', 'The request was not recorded in time: the server may use another database.')
    const { trustProxy } = settings
    return judgeClientAddress({ forged, recorded, own: from, trustProxy, hasProxy: proxied })
  } catch (error) {
    return skipped('client-address', `It could not be checked: ${reasonOf(error)}.`)
  }
}

/** Waits for the refusal, because refusals are recorded in batches, within a second. */
async function recordedAddress(database: Queryable, id: string, stopSignal: AbortSignal): Promise<string | undefined> {
  const until = performance.now() + stepTimeout
  while (performance.now() < until && !stopSignal.aborted) {
    const [refusal] = await findRefusals(database, id, 1)
    if (refusal) return refusal.network
    await pause(200)
  }
  return undefined
}
