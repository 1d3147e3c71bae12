import { type Command, Option } from 'commander'
import type { Queryable } from '../platform/database/queryable.ts'
import { eventTypes } from '../records/events/events-store.ts'
import {
  type EventFilter,
  findEventsOfRequest,
  hasEvent,
  idsPerBatch,
  listEvents,
  listEventsAfter,
  newestEventId,
  type RecordedEvent,
} from '../records/events/recorded-events-store.ts'
import { findRefusals } from '../records/refusals/refusals-store.ts'
import { CommandFailed, WrongUsage } from './command-failures.ts'
import { findUser } from './find-user.ts'
import { count, duration, json, manyValues, notEmpty, oneValue } from './flags.ts'
import { follow } from './follow.ts'
import { asText, type Document, type Format, oneLine, printMore } from './output.ts'
import { documentOfRefusal, isNote, paragraphOf, refusalsCommand } from './refusals.ts'
import { type Terminal, visibleJson } from './terminal.ts'
import { reading } from './with-signet.ts'

/** The number of events that a list shows. */
const maxLimit = 10_000
const defaultLimit = 100
/** The greatest id that `--before` accepts. */
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

/** `signet events`: what happened, and why requests were refused. */
export function eventsCommand(program: Command, terminal: Terminal): void {
  const events = program.command('events').description('View events, and find out why requests were refused.')

  events
    .command('list')
    .description('List the most recent events, newest last.')
    .addOption(notEmpty(manyValues('--type <type>', `only events of this type: ${eventTypes.join(', ')}`)))
    .addOption(notEmpty(oneValue('--user <user>', 'only events about this user: sub, user name or e-mail address')))
    .addOption(notEmpty(oneValue('--client-id <client_id>', 'only events about this client')))
    .addOption(notEmpty(oneValue('--grant-id <grant_id>', 'only events about this grant')))
    .addOption(notEmpty(oneValue('--kid <kid>', 'only events about this key')))
    .addOption(notEmpty(duration('--since <duration>', 'only events of the last 15m, 24h, 7d, ...')))
    .addOption(
      count('--limit <number>', `maximum number to show (default ${defaultLimit}, at most ${maxLimit})`, maxLimit),
    )
    .addOption(count('--before <id>', 'only events before this one', maxId))
    .addOption(
      new Option('--follow', 'keep printing new events until Ctrl-C; with --json, one document per line').conflicts(
        'before',
      ),
    )
    .addOption(json())
    .action(async (flags: Flags) => {
      const unknown = flags.type?.find((type) => !(eventTypes as readonly string[]).includes(type))
      if (unknown !== undefined)
        throw new WrongUsage(
          `There are no events of type ${unknown.slice(0, 80)}. The types are ${eventTypes.join(', ')}.`,
        )
      const limit = flags.limit ?? defaultLimit
      await reading(terminal, async ({ database }) => {
        const filter = await filterOf(database, flags)
        const start = flags.follow ? await newestEventId(database) : 0
        // Reads one more than is shown, to know whether there are more.
        const found = await listEvents(database, filter, limit + 1)
        const events = found.slice(-limit)
        if (flags.follow) {
          const print = (event: RecordedEvent) => terminal.writeOut(flags.json ? lineOfJson(event) : lineOf(event))
          for (const event of events) print(event)
          const growing = {
            newestId: () => newestEventId(database),
            listAfter: (id: number) => listEventsAfter(database, filter, id),
            idsPerBatch,
          }
          return follow(growing, start, events, print, terminal.stopSignal)
        }
        if (flags.json) terminal.writeOut(`${visibleJson(events.map(documentOf))}\n`)
        else terminal.writeOut(events.map(lineOf).join('') || 'No events found.\n')
        const [oldest] = events
        if (oldest && found.length > limit)
          printMore(terminal, flags, 'There are older events: --before', String(oldest.id), ' shows them.')
      })
    })

  events
    .command('show')
    .description('Show the events of a request, and why it was refused.')
    .argument('<request_id>')
    .addOption(json())
    .action(async (requestId: string, format: Format) => {
      const [found, refused, issuer] = await reading(terminal, ({ database, settings }) =>
        Promise.all([
          findEventsOfRequest(database, requestId, maxLimit),
          findRefusals(database, requestId, maxLimit),
          settings.issuer,
        ]),
      )
      if (found.length + refused.length === 0)
        throw new CommandFailed(
          `Nothing is recorded for request ${requestId.slice(0, 80)}. Refusals are recorded within a second and kept for a week.`,
        )
      if (format.json) {
        const documents = (wanted: boolean) =>
          refused.filter((refusal) => isNote(refusal) === wanted).map((refusal) => documentOfRefusal(issuer, refusal))
        const document = {
          ...{ request_id: requestId, events: found.map(documentOf) },
          ...{ refusals: documents(false), notes: documents(true) },
        }
        terminal.writeOut(`${visibleJson(document)}\n`)
        return
      }
      for (const event of found) terminal.writeOut(lineOf(event))
      for (const refusal of refused) terminal.writeOut(paragraphOf(issuer, refusal))
    })

  refusalsCommand(events, terminal)
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

/** Events are kept longer than the account that they are about. Of a deleted account only the `sub` is left. */
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

/** Time, type, and the other members as `name=value`. The columns are aligned, so that lines can be read, searched and cut. */
function lineOf(event: RecordedEvent): string {
  const { at, type, detail, ...named } = documentOf(event) as Document & { detail: RecordedEvent['detail'] }
  const rest = Object.entries({ ...named, ...detail, id: undefined }).filter(([, value]) => value !== undefined)
  const words = rest.map(([name, value]) => `${name}=${quoted(oneLine(asText(value)))}`)
  return `${asText(at)}  ${oneLine(asText(type)).padEnd(20)}  ${words.join(' ')}\n`
}

function quoted(text: string): string {
  return /[\s"=]/.test(text) || text === '' ? JSON.stringify(text) : text
}
