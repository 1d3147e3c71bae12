import { type Answer, objectIn } from './ask.ts'
import { bad, type Finding, good, skipped, warning } from './finding.ts'
import { shortened } from './reason.ts'

/** `/readyz`, which a load balancer asks. */
export function judgeReadiness(answer: Answer): Finding {
  if (answer.status === 200) return good('readiness', 'The node that answered is ready.')
  const problems = objectIn(answer)?.['problems']
  if (Array.isArray(problems))
    return bad(
      'readiness',
      // What is no text may not even be one when it is asked to: {"toString":1}.
      `A node is not ready: ${shortened(problems.filter((problem) => typeof problem === 'string').join('; '))}.`,
      "Its log says more. What this command says of the database and the keys is this machine's view; the node may have another.",
    )
  return answer.status === 503
    ? bad('readiness', '/readyz is answered with status 503.', 'Look whether Signet runs behind the proxy.')
    : skipped('readiness', `/readyz is not open to the world (status ${answer.status}).`)
}

/** `/metrics` tells how many people sign in and what fails: nothing for strangers. */
export function judgeMetrics({ status }: Pick<Answer, 'status'>, issuerIsLoopback: boolean): Finding {
  if (status !== 200) return good('metrics', `The world does not see them (status ${status}).`)
  return issuerIsLoopback
    ? good('metrics', 'They are open to this machine.')
    : warning(
        'metrics',
        '/metrics answers without its token.',
        'Set SIGNET_METRICS_TOKEN, or let the proxy keep /metrics to itself: one that changes Host to localhost is taken for this machine.',
      )
}

/** The id that `signet events show` finds a request by: 96 random bits, base64url. */
export function judgeRequestId({ headers }: Pick<Answer, 'headers'>): Finding {
  const id = headers['x-request-id']
  if (typeof id === 'string' && /^[\w-]{16}$/.test(id)) return good('request-id', 'X-Request-Id arrives.')
  return warning(
    'request-id',
    id === undefined ? 'X-Request-Id does not arrive.' : 'X-Request-Id is not the one that Signet sent.',
    "Let the proxy pass it on: by it 'signet events show' finds out why somebody's request was refused.",
  )
}

/**
 * Port 80 of a host whose issuer is https.
 *
 * @param answer undefined where nobody answers
 */
export function judgePlainHttp(answer: Pick<Answer, 'status' | 'headers'> | undefined, issuer: string): Finding {
  if (!answer) return good('plain-http', 'Nobody answers without TLS.')
  const { status, headers } = answer
  if (status >= 300 && status < 400)
    return headers.location?.startsWith(`${issuer}/`)
      ? good('plain-http', 'Who asks without TLS is sent to the issuer.')
      : warning(
          'plain-http',
          `Who asks without TLS is sent to ${JSON.stringify(shortened(headers.location ?? ''))}.`,
          `Redirect to the same path of ${issuer}.`,
        )
  if (status !== 200) return good('plain-http', `Without TLS nothing is served (status ${status}).`)
  return warning(
    'plain-http',
    'Signet is served without TLS, too: who follows such a link signs in in clear.',
    `Answer every request on port 80 with a redirect to ${issuer}.`,
  )
}
