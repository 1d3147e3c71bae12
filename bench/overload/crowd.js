// Sends one request from many connections for some seconds, in a separate process: each connection sends the next request as soon as the
// response to the last one has arrived, whatever it was. Nobody obeys Retry-After. Reads the load as JSON and prints what came back as JSON.
//
// Raw sockets, because an HTTP client would cost this process more than a refused request costs the server.
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { processorTime, residentMemory } from '../process-usage.js'

/** @typedef {import('../load/load.js').Load & { pid: number, connections: number, seconds: number, connectSeconds: number }} Crowd pid: of the server */

/**
 * @typedef {object} Answers
 * @property {number} settling seconds until there had been a response on each connection; counting begins then
 * @property {number} seconds
 * @property {number} sent requests
 * @property {Record<string, number>} byStatus responses
 * @property {number} unanswered requests without a response at the end
 * @property {number} broken connections that were refused or closed
 * @property {number} p50 milliseconds, of the responses with status 200
 * @property {number} p99
 * @property {number} slowest
 * @property {number} connected
 * @property {number | undefined} cpu seconds of processor time that the server used
 * @property {[number | undefined, number | undefined]} memory of the server in MiB, at the beginning and at the end
 */

/** @type {Crowd} */
const { url, method, headers, bodies, pid, connections, seconds, connectSeconds } = JSON.parse(
  await text(process.stdin),
)
const { hostname, port, pathname, search, host } = new URL(url)

const messages = bodies.map((body) => {
  const fields = { host, ...headers, ...(method === 'GET' ? {} : { 'content-length': Buffer.byteLength(body) }) }
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.from(`${method} ${pathname}${search} HTTP/1.1\r\n${lines.join('')}\r\n${method === 'GET' ? '' : body}`)
})

/** Tenths of a millisecond, up to a minute. */
const durations = new Uint32Array(600_000)
/** @type {Record<string, number>} */
let byStatus = {}
let [sent, waiting, broken, turn] = [0, 0, 0, 0]
let [counting, ended] = [false, false]

/** @typedef {{ socket: import('node:net').Socket, since: number, left: number, status: string, notBefore: number, answered: () => void }} Member */

/** @param {Member} member */
function send(member) {
  turn = (turn + 1) % messages.length
  // Who sends too early is not answered before Retry-After has passed. That is not the time that a request takes.
  member.since = Math.max(performance.now(), member.notBefore)
  member.socket.write(/** @type {Buffer} */ (messages[turn]))
  waiting++
  if (counting) sent++
}

/** @param {number} duration */
function note(duration) {
  const tenths = Math.min(durations.length - 1, Math.max(0, Math.round(duration * 10)))
  durations[tenths] = (durations[tenths] ?? 0) + 1
}

/** A response may arrive in parts, but its head arrives whole. @param {Member} member @param {Buffer} part */
function receive(member, part) {
  if (ended) return
  if (member.left === 0) {
    const head = part.toString('latin1', 0, Math.min(part.length, 4_096))
    const end = head.indexOf('\r\n\r\n') + 4
    member.status = head.slice(9, 12)
    member.notBefore = performance.now() + 1_000 * Number(/retry-after: (\d+)/i.exec(head)?.[1] ?? 0)
    member.left = end + Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0)
  }
  member.left -= part.length
  if (member.left > 0) return
  member.left = 0
  waiting--
  member.answered()
  if (counting) {
    byStatus[member.status] = (byStatus[member.status] ?? 0) + 1
    if (member.status === '200') note(performance.now() - member.since)
  }
  send(member)
}

/** @type {Set<Member>} */
const members = new Set()
/** @returns {Promise<void>} resolves when the first response has arrived */
const open = () =>
  new Promise((answered) => {
    const socket = connect({ host: hostname, port: Number(port), noDelay: true })
    const member = { socket, since: 0, left: 0, status: '', notBefore: 0, answered }
    socket.on('error', () => {})
    socket.on('data', (part) => receive(member, part))
    socket.once('connect', () => {
      members.add(member)
      send(member)
    })
    socket.once('close', () => {
      if (ended) return
      broken++
      if (members.delete(member)) waiting--
      setTimeout(() => ended || open().then(answered), 100)
    })
  })

const rest = (/** @type {number} */ milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds))
const began = performance.now()
const opened = []
for (let count = 0; count < connections; count++) {
  opened.push(open())
  // As many as the queue of a listening socket holds.
  if (count % 500 === 499) await rest(20)
}
await Promise.race([Promise.all(opened), rest(connectSeconds * 1_000)])
;[byStatus, sent, broken, counting] = [{}, 0, 0, true]
const from = performance.now()
const before = [processorTime(pid), residentMemory(pid)]
await rest(seconds * 1_000)
const measured = (performance.now() - from) / 1_000
ended = true
const after = [processorTime(pid), residentMemory(pid)]
const quantile = (/** @type {number} */ part) => {
  const total = durations.reduce((sum, count) => sum + count, 0)
  let passed = 0
  for (const [tenths, count] of durations.entries()) {
    passed += count
    if (passed > 0 && passed >= total * part) return tenths / 10
  }
  return 0
}
process.stdout.write(
  JSON.stringify({
    ...{
      settling: (from - began) / 1_000,
      seconds: measured,
      sent,
      byStatus,
      unanswered: waiting,
      broken,
      connected: members.size,
    },
    ...{ cpu: before[0] && after[0] && (after[0] - before[0]) / 1_000_000, memory: [before[1], after[1]] },
    ...{ p50: quantile(0.5), p99: quantile(0.99), slowest: durations.findLastIndex((count) => count > 0) / 10 },
  }),
  () => process.exit(),
)
