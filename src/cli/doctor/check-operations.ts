import { bad, type Finding, good, skipped, warning } from './finding.ts'
import { type HttpResponse, jsonObjectOf } from './http-request.ts'
import { shortened } from './reason.ts'

/** `/readyz`, the endpoint for load balancers. */
export function judgeReadiness(answer: HttpResponse): Finding {
  if (answer.status === 200) return good('readiness', 'The node that responded is ready.')
  const problems = jsonObjectOf(answer)?.['problems']
  if (Array.isArray(problems))
    return bad(
      'readiness',
      // Only strings: other values may fail when they are converted to one, such as {"toString":1}.
      `A node is not ready: ${shortened(problems.filter((problem) => typeof problem === 'string').join('; '))}.`,
      'See its log. This command checks the database and the keys from this machine; the node may see them differently.',
    )
  return answer.status === 503
    ? bad('readiness', '/readyz responds with status 503.', 'Check that Signet is running behind the proxy.')
    : skipped('readiness', `/readyz is not public (status ${answer.status}).`)
}

/** `/metrics` shows how many users sign in and what fails, so it should not be public. */
export function judgeMetrics({ status }: Pick<HttpResponse, 'status'>, issuerIsLoopback: boolean): Finding {
  if (status !== 200) return good('metrics', `They are not public (status ${status}).`)
  return issuerIsLoopback
    ? good('metrics', 'They are available on this machine.')
    : warning(
        'metrics',
        '/metrics responds without a token.',
        'Set SIGNET_METRICS_TOKEN, or make the proxy block /metrics. If a proxy changes Host to localhost, Signet treats its requests as coming from this machine.',
      )
}

/** The id that `signet events show` finds a request by: 96 random bits, base64url. */
export function judgeRequestId({ headers }: Pick<HttpResponse, 'headers'>): Finding {
  const id = headers['x-request-id']
  if (typeof id === 'string' && /^[\w-]{16}$/.test(id)) return good('request-id', 'X-Request-Id is present.')
  return warning(
    'request-id',
    id === undefined ? 'X-Request-Id is missing.' : 'X-Request-Id is not the one that Signet sent.',
    "Make the proxy forward it: 'signet events show' needs it to find out why a request was refused.",
  )
}

/**
 * Port 80 of a host whose issuer is https.
 *
 * @param answer undefined if there is no response
 */
export function judgePlainHttp(answer: Pick<HttpResponse, 'status' | 'headers'> | undefined, issuer: string): Finding {
  if (!answer) return good('plain-http', 'There is no response without TLS.')
  const { status, headers } = answer
  if (status >= 300 && status < 400)
    return headers.location?.startsWith(`${issuer}/`)
      ? good('plain-http', 'Requests without TLS are redirected to the issuer.')
      : warning(
          'plain-http',
          `Requests without TLS are redirected to ${JSON.stringify(shortened(headers.location ?? ''))}.`,
          `Redirect them to the same path at ${issuer}.`,
        )
  if (status !== 200) return good('plain-http', `Nothing is served without TLS (status ${status}).`)
  return warning(
    'plain-http',
    'Signet is also served without TLS: users who follow such a link send their password without encryption.',
    `Answer every request on port 80 with a redirect to ${issuer}.`,
  )
}
