import { setTimeout as pause } from 'node:timers/promises'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import type { Verifier } from './verifiers.ts'

export interface Refusal {
  readonly verifier: string
  readonly kid: string
  readonly why: string
}

/** Gets a token and checks it itself. */
export interface Flow {
  readonly name: string
  /** Returns the kid of the token, or undefined if none was issued; rejects if it was refused. */
  readonly once: () => Promise<string | undefined>
}

/** What has happened so far. */
export interface Load {
  /** Tokens that were checked and accepted, by verifier and kid. */
  readonly good: ReadonlyMap<string, ReadonlyMap<string, number>>
  readonly refused: readonly Refusal[]
  /** Responses to token requests that were neither tokens nor 503, which a node may send when it cannot sign. */
  readonly faults: readonly string[]
  /** When a token with this kid was last requested from this node: milliseconds since 1970. */
  readonly lastAsked: (node: string, kid: string) => number | undefined
  /** The latest `iat` with this kid, in seconds since 1970. */
  readonly latestIat: (kid: string) => number | undefined
  readonly stop: () => Promise<void>
}

interface Options {
  /** Origins of the nodes; each of them is asked for each kind of token at the same time. */
  readonly nodes: readonly string[]
  readonly ask: readonly ((node: string) => Promise<Response>)[]
  readonly verifiers: readonly Verifier[]
  readonly flows: readonly Flow[]
  /** Milliseconds between two requests of one kind to one node. */
  readonly every: number
}

/** Milliseconds before a token expires: when it is checked for the last time, and when it is too late for that. */
const [beforeEnd, tooLate] = [3_000, 1_500]

/** Requests tokens and has all verifiers check them immediately; one in ten also at the very end of its lifetime. */
export function startLoad({ nodes, ask, verifiers, flows, every }: Options): Load {
  const good = new Map([...verifiers, ...flows].map(({ name }) => [name, new Map<string, number>()]))
  const refused: Refusal[] = []
  const faults: string[] = []
  const asked = new Map<string, number>()
  const issued = new Map<string, number>()
  const ended = new AbortController()
  const later: { readonly token: string; readonly at: number }[] = []

  const count = (name: string, kid: string) => {
    const counts = good.get(name)
    counts?.set(kid, (counts.get(kid) ?? 0) + 1)
  }
  const check = async ({ name, check: verify }: Verifier, token: string) => {
    const { kid = '' } = decodeProtectedHeader(token)
    try {
      await verify(token)
      count(name, kid)
    } catch (error) {
      refused.push({ verifier: name, kid, why: String(error) })
    }
  }
  const rest = (milliseconds: number) =>
    pause(Math.max(0, milliseconds), undefined, { signal: ended.signal }).catch(() => undefined)

  const request = async (node: string, one: (node: string) => Promise<Response>): Promise<string | undefined> => {
    const at = Date.now()
    const answer = await one(node).catch(() => undefined)
    const text = await answer?.text().catch(() => undefined)
    // The node was killed.
    if (!answer || text === undefined) return undefined
    if (answer.status !== 200) {
      if (answer.status !== 503) faults.push(`${answer.status} ${text}`)
      return undefined
    }
    const { access_token: token } = JSON.parse(text) as { access_token: string }
    const { kid = '' } = decodeProtectedHeader(token)
    asked.set(`${node} ${kid}`, at)
    issued.set(kid, Math.max(issued.get(kid) ?? 0, decodeJwt(token).iat ?? 0))
    return token
  }

  const issueAndCheck = async (node: string, one: (node: string) => Promise<Response>) => {
    for (let turn = 0; !ended.signal.aborted; turn++) {
      const next = performance.now() + every
      const token = await request(node, one)
      if (token) await Promise.all(verifiers.map((verifier) => check(verifier, token)))
      if (token && turn % 10 === 0) later.push({ token, at: (decodeJwt(token).exp ?? 0) * 1000 - beforeEnd })
      await rest(next - performance.now())
    }
  }
  const checkAtTheEnd = async () => {
    while (!ended.signal.aborted) {
      const [first] = later
      await rest(first ? first.at - Date.now() : every)
      if (!first || ended.signal.aborted) continue
      later.shift()
      if (Date.now() < first.at + beforeEnd - tooLate)
        await Promise.all(verifiers.map((verifier) => check(verifier, first.token)))
    }
  }
  const goThrough = async ({ name, once }: Flow) => {
    while (!ended.signal.aborted) {
      const next = performance.now() + 100
      try {
        const kid = await once()
        if (kid !== undefined) count(name, kid)
      } catch (error) {
        const { cause } = error as Error
        const why = cause instanceof Response ? `${cause.status} ${await textOf(cause)}` : String(cause ?? error)
        refused.push({ verifier: name, kid: '', why })
      }
      await rest(next - performance.now())
    }
  }
  const issuing = nodes.flatMap((node) => ask.map((one) => issueAndCheck(node, one)))
  const running = [...issuing, checkAtTheEnd(), ...flows.map(goThrough)]

  return {
    good,
    refused,
    faults,
    lastAsked: (node, kid) => asked.get(`${node} ${kid}`),
    latestIat: (kid) => issued.get(kid),
    stop: async () => {
      ended.abort()
      await Promise.all(running)
    },
  }
}

/** The body of a response that a library may already have read. */
const textOf = async (response: Response) => (response.bodyUsed ? '' : response.text().catch(() => ''))
