import { type Command, Option } from 'commander'
import type { Queryable } from '../platform/database/queryable.ts'
import type { ErrorName } from '../protocol/errors/error-registry.ts'
import { errorUri } from '../protocol/errors/oauth-error.ts'
import { eventTypes } from '../records/events/events-store.ts'
import {
  type EventFilter,
  findEventsOfRequest,
  hasEvent,
  listEvents,
  newestEventId,
  type RecordedEvent,
} from '../records/events/recorded-events-store.ts'
import { findRefusals } from '../records/refusals/refusals-store.ts'
import { CommandFailed, WrongUsage } from './command-failures.ts'
import { findUser } from './find-user.ts'
import { count, duration, json, manyValues, notEmpty, oneValue } from './flags.ts'
import { followEvents } from './follow-events.ts'
import { type Document, type Format, inWords, oneLine, printMore } from './output.ts'
import { type Terminal, visibleJson } from './terminal.ts'
import { reading } from './with-signet.ts'

/** Events that a list shows at the most, and where no number is given. */
const most = 10_000
const usually = 100
/** The greatest number that `--before` takes. */
const maxId = 999_999_999_999_999

interface Flags extends Format {
  readonly type?: readonly string[]
  readonly user?: string
  readonly clientId?: string
  readonly grantId?: string
  readonly kid?: string
  readonly since?: number | ''
  readonly limit?: number
  readonly before?: number
  readonly follow?: boolean
}

/** `signet events`: what has happened, and why a request was refused. */
export function eventsCommand(program: Command, terminal: Terminal): void {
  const events = program.command('events').description('Look at what has happened, and at why a request was refused.')

  events
    .command('list')
    .description('List the newest events, the last one last.')
    .addOption(notEmpty(manyValues('--type <type>', `only this kind: ${eventTypes.join(', ')}`)))
    .addOption(
      notEmpty(oneValue('--user <user>', 'only those about this person: their sub, user name or e-mail address')),
    )
    .addOption(notEmpty(oneValue('--client-id <client_id>', 'only those about this client')))
    .addOption(notEmpty(oneValue('--grant-id <grant_id>', 'only those about this grant')))
    .addOption(notEmpty(oneValue('--kid <kid>', 'only those about this key')))
    .addOption(notEmpty(duration('--since <duration>', 'only those of the last 15m, 24h, 7d, ...')))
    .addOption(count('--limit <number>', `how many to show: ${usually} by default, ${most} at most`, most))
    .addOption(count('--before <id>', 'show older events: those before this one', maxId))
    .addOption(
      new Option(
        '--follow',
        'go on with what happens from now on, until Ctrl-C; with --json one document a line',
      ).conflicts('before'),
    )
    .addOption(json())
    .action(async (flags: Flags) => {
      const unknown = flags.type?.find((type) => !(eventTypes as readonly string[]).includes(type))
      if (unknown !== undefined)
        throw new WrongUsage(
          `There are no events of type ${unknown.slice(0, 80)}. The types: ${eventTypes.join(', ')}.`,
        )
      const limit = flags.limit ?? usually
      await reading(terminal, async ({ database }) => {
        const filter = await filterOf(database, flags)
        const start = flags.follow ? await newestEventId(database) : 0
        // One more than is shown tells whether there are more.
        const found = await listEvents(database, filter, limit + 1)
        const events = found.slice(-limit)
        if (flags.follow) {
          const print = (event: RecordedEvent) => terminal.writeOut(flags.json ? lineOfJson(event) : lineOf(event))
          for (const event of events) print(event)
          return followEvents(database, filter, start, events, print, terminal.asked)
        }
        if (flags.json) terminal.writeOut(`${visibleJson(events.map(documentOf))}\n`)
        else terminal.writeOut(events.map(lineOf).join('') || 'There are no such events.\n')
        const [oldest] = events
        if (oldest && found.length > limit)
          printMore(terminal, flags, 'There are older events: --before', String(oldest.id), ' shows them.')
      })
    })

  events
    .command('show')
    .description('Show what happened on one request: its events, and why it was refused.')
    .argument('<request_id>')
    .addOption(json())
    .action(async (requestId: string, format: Format) => {
      const [found, refused, issuer] = await reading(terminal, ({ database, settings }) =>
        Promise.all([
          findEventsOfRequest(database, requestId, most),
          findRefusals(database, requestId, most),
          settings.issuer,
        ]),
      )
      if (found.length + refused.length === 0)
        throw new CommandFailed(
          `Nothing is on record for request ${requestId.slice(0, 80)}. A refusal is written down within a second, and kept for a week.`,
        )
      const refusals = refused.map(({ requestId: _, clientId, entry, ...refusal }) => ({
        ...refusal,
        client_id: clientId,
        documentation: errorUri(issuer, entry as ErrorName, undefined),
      }))
      if (format.json) {
        const document = { request_id: requestId, events: found.map(documentOf), refusals }
        terminal.writeOut(`${visibleJson(document)}\n`)
        return
      }
      for (const event of found) terminal.writeOut(lineOf(event))
      for (const refusal of refusals) terminal.writeOut(paragraphOf(refusal))
    })
}

async function filterOf(db: Queryable, flags: Flags): Promise<EventFilter> {
  if (flags.before !== undefined && !(await hasEvent(db, flags.before)))
    throw new CommandFailed(`There is no event ${flags.before}.`)
  return {
    before: flags.before,
    types: flags.type,
    sub: flags.user === undefined ? undefined : await subOf(db, flags.user),
    clientId: flags.clientId,
    grantId: flags.grantId,
    kid: flags.kid,
    since: flags.since === '' ? undefined : flags.since,
  }
}

/** Events outlive the account that they are about: of one that was deleted only the `sub` is left. */
async function subOf(db: Queryable, user: string): Promise<string> {
  const isSub = /^[\w-]{22}$/.test(user)
  return findUser(db, user).then(
    ({ sub }) => sub,
    (error: unknown) => {
      if (isSub && error instanceof CommandFailed) return user
      throw error
    },
  )
}

function documentOf({
  id,
  at,
  type,
  requestId,
  network,
  clientId,
  sub,
  grantId,
  kid,
  detail,
}: RecordedEvent): Document {
  const named = { request_id: requestId, network, client_id: clientId, sub, grant_id: grantId, kid }
  return { id, at, type, ...named, detail }
}

function lineOfJson(event: RecordedEvent): string {
  return `${visibleJson(documentOf(event), 0)}\n`
}

/** When, what, and the rest by name: it can be read, searched and cut. */
function lineOf(event: RecordedEvent): string {
  const { at, type, detail, ...named } = documentOf(event) as Document & { detail: RecordedEvent['detail'] }
  const rest = Object.entries({ ...named, ...detail, id: undefined }).filter(([, value]) => value !== undefined)
  const words = rest.map(([name, value]) => `${name}=${quoted(oneLine(inWords(value)))}`)
  return `${inWords(at)}  ${oneLine(inWords(type)).padEnd(20)}  ${words.join(' ')}\n`
}

function quoted(text: string): string {
  return /[\s"=]/.test(text) || text === '' ? JSON.stringify(text) : text
}

function paragraphOf(refusal: Document): string {
  const { at, method, route, status, error, description, detail, network, client_id: clientId, documentation } = refusal
  const lines = [
    `${inWords(at)}  ${inWords(method)} ${inWords(route)} was refused: ${inWords(status)} ${inWords(error)}`,
    `  told      ${inWords(description)}`,
    ...(detail ? [`  not told  ${inWords(detail)}`] : []),
    `  from      ${inWords(network)}${clientId ? `, as client ${inWords(clientId)}` : ''}`,
    `  to mend   ${inWords(documentation)}`,
  ]
  return `${lines.map(oneLine).join('\n')}\n`
}
