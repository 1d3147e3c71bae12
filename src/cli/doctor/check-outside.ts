import { randomInt } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { PublicJwk } from '../../key-ring/sealed-key.ts'
import type { Settings } from '../../platform/config/settings.ts'
import type { Queryable } from '../../platform/database/queryable.ts'
import { isLoopbackHost } from '../../platform/network-address.ts'
import { findRefusals } from '../../records/refusals/refusals-store.ts'
import { type Answer, ask, type Question } from './ask.ts'
import { judgeCertificate, seeCertificate } from './check-certificate.ts'
import { judgeClientAddress } from './check-client-address.ts'
import { judgeClock } from './check-clock.ts'
import { judgeCaching, judgeCrossOrigin, judgeJwkSet } from './check-jwk-set.ts'
import { judgeMetadata } from './check-metadata.ts'
import { judgeMetrics, judgePlainHttp, judgeReadiness, judgeRequestId } from './check-operations.ts'
import { bad, type Check, completed, type Finding, skipped } from './finding.ts'
import { reasonOf, stepLimit } from './reason.ts'

export interface Outside {
  readonly settings: Settings
  /** Where to ask: the issuer, unless told otherwise. An origin. */
  readonly base: string
  /** The keys that the database publishes, and the database; undefined where it could not be asked. */
  readonly published: readonly { readonly kid: string; readonly publicJwk: PublicJwk }[] | undefined
  readonly database: Queryable | undefined
  readonly asked: AbortSignal
  /** This machine's clock, in milliseconds since 1970. */
  readonly now: () => number
}

/** What the world sees: name, certificate, proxy and all. */
export async function checkOutside(outside: Outside): Promise<Finding[]> {
  const { settings, base, now, asked } = outside
  const { issuer } = settings
  const certificate = await checkCertificate(outside)
  const only = (findings: readonly Finding[], why: string) => completed(findings, why, ['From outside'])
  if (certificate.status === 'bad') return only([certificate], 'The certificate is not good.')

  const question: Question = { as: issuer, asked, now }
  const metadata = await ask(`${base}/.well-known/openid-configuration`, question).catch((error: unknown) =>
    unreachable(base, error),
  )
  if ('check' in metadata) return only([certificate, metadata], 'Nothing answers.')
  const found = judgeMetadata(metadata, issuer, base)
  if (found.status === 'bad') return only([certificate, found], 'What answers is not this Signet.')

  const look = (check: Check, path: string, judge: (answer: Answer) => Finding | Finding[], headers = {}) =>
    ask(`${base}${path}`, { ...question, headers }).then(judge, (error: unknown) =>
      bad(
        check,
        `${path}: ${reasonOf(error)}.`,
        'The metadata was answered: look at what the proxy does with this path.',
      ),
    )
  const others = await Promise.all([
    look('jwk-set', '/.well-known/jwks.json', (answer) => judgeKeys(answer, outside), { 'accept-encoding': 'gzip' }),
    look('readiness', '/readyz', judgeReadiness),
    look('metrics', '/metrics', (answer) => judgeMetrics(answer, isLoopbackHost(new URL(issuer).hostname))),
    checkPlainHttp(outside),
    checkClientAddress(outside, hasProxy(metadata, outside)),
  ])
  const clock = judgeServerClock(metadata, settings.clockSkew)
  return only([certificate, found, clock, judgeRequestId(metadata), ...others.flat()], 'There is no JWK Set.')
}

function judgeKeys(answer: Answer, { published, settings }: Outside): Finding[] {
  const findings = [judgeJwkSet(answer, published)]
  return answer.status === 200
    ? [...findings, ...judgeCaching(answer, settings.jwksMaxAge), judgeCrossOrigin(answer)]
    : findings
}

async function checkCertificate({ settings, base, asked, now }: Outside): Promise<Finding> {
  if (base.startsWith('http:')) return skipped('certificate', `${base} is without TLS.`)
  try {
    return judgeCertificate(await seeCertificate(base, settings.issuer, asked), now())
  } catch (error) {
    return skipped('certificate', `It cannot be seen: ${reasonOf(error)}.`)
  }
}

function unreachable(base: string, error: unknown): Finding {
  return bad(
    'metadata',
    `${base} does not answer: ${reasonOf(error)}.`,
    'Look whether Signet runs (signet serve), and whether name, firewall and proxy lead to it.',
  )
}

function judgeServerClock({ headers, asked, answered }: Answer, clockSkew: number): Finding {
  const said = Date.parse(headers.date ?? '')
  if (Number.isNaN(said)) return skipped('server-clock', 'The answer has no Date.')
  return judgeClock(
    'server-clock',
    'The clock of what answers',
    { asked, answered, said, resolution: 1_000 },
    clockSkew,
  )
}

async function checkPlainHttp({ settings: { issuer }, base, asked, now }: Outside): Promise<Finding> {
  const { protocol, port, hostname } = new URL(issuer)
  if (base !== issuer) return skipped('plain-http', 'Not looked at with --url.')
  if (protocol === 'http:' || port !== '') return skipped('plain-http', 'The issuer is not https on port 443.')
  const url = `http://${hostname}/.well-known/openid-configuration`
  // Firewalls drop what they do not let through: silence is as good as a refusal.
  const answer = await ask(url, { as: issuer, asked, now, limit: 2_000 }).catch(() => undefined)
  return judgePlainHttp(answer, issuer)
}

/** Signet itself names no server and sends no Via, and where it does not serve HTTPS itself, somebody does it for it. */
function hasProxy({ headers }: Answer, { settings, base }: Outside): boolean {
  const marks = ['via', 'server', 'age', 'x-cache', 'cf-ray', 'x-served-by']
  return marks.some((name) => headers[name] !== undefined) || (base.startsWith('https:') && !settings.tls)
}

/**
 * Asks something that is refused, from an address of RFC 5737 that X-Forwarded-For claims, and looks up in the database from where
 * Signet took it to be.
 */
async function checkClientAddress(
  { base, database, settings, asked, now }: Outside,
  proxied: boolean,
): Promise<Finding> {
  if (!database) return skipped('client-address', 'What Signet saw stands in the database, which could not be asked.')
  const forged = `192.0.2.${randomInt(1, 255)}`
  const headers = { 'content-type': 'application/x-www-form-urlencoded', 'x-forwarded-for': forged }
  try {
    const { headers: answered, from } = await ask(`${base}/token`, {
      method: 'POST',
      headers,
      body: '',
      as: settings.issuer,
      asked,
      now,
    })
    const id = answered['x-request-id']
    const recorded = typeof id === 'string' ? await recordedAddress(database, id.slice(0, 64), asked) : undefined
    if (recorded === undefined)
      return skipped('client-address', 'The request was not written down in time: the server may use another database.')
    const { trustProxy } = settings
    return judgeClientAddress({ forged, recorded, own: from, trustProxy, hasProxy: proxied })
  } catch (error) {
    return skipped('client-address', `It could not be found out: ${reasonOf(error)}.`)
  }
}

/** Refusals are written down together, within a moment. */
async function recordedAddress(database: Queryable, id: string, asked: AbortSignal): Promise<string | undefined> {
  const until = performance.now() + stepLimit
  while (performance.now() < until && !asked.aborted) {
    const [refusal] = await findRefusals(database, id, 1)
    if (refusal) return refusal.network
    await pause(200)
  }
  return undefined
}
