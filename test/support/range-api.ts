import { createHash } from 'node:crypto'
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

export interface RangeApi {
  /** For SIGNET_BREACHED_PASSWORDS_URL. */
  readonly url: string
  /** What arrived, in order: the request line and the headers, as one text for each request. */
  readonly received: readonly string[]
  /** Replaces the answer to all requests from now on; undefined: the range again. */
  answerWith(answer: ((request: IncomingMessage, reply: ServerResponse) => void) | undefined): void
}

export const sha1 = (text: string) => createHash('sha1').update(text, 'utf8').digest('hex').toUpperCase()

/** Other passwords' hashes, as in every range, one of them padding. */
const others = ['0018A45C4D1DEF81644B54AB7F969B88D65:12', '00D4F6E8FA6EECAD2A3AA415EEC418D38EC:0']

/** A range API like that of Have I Been Pwned, on a real port. Its collection contains these passwords. */
export async function startRangeApi(t: Test, ...stolen: string[]): Promise<RangeApi> {
  const hashes = stolen.map(sha1)
  const received: string[] = []
  let answer: ((request: IncomingMessage, reply: ServerResponse) => void) | undefined
  const server = http.createServer((request, reply) => {
    received.push([`${request.method} ${request.url}`, ...request.rawHeaders].join('\n'))
    if (answer) return answer(request, reply)
    const prefix = request.url?.slice('/range/'.length) ?? ''
    const listed = hashes.filter((hash) => hash.startsWith(prefix)).map((hash) => `${hash.slice(5)}:3861493`)
    return reply.writeHead(200, { 'content-type': 'text/plain' }).end([...others, ...listed].join('\r\n'))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/range/`,
    received,
    answerWith: (given) => {
      answer = given
    },
  }
}
