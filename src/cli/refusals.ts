import { type Command, Option } from 'commander'
import { type ErrorName, errorRegistry, type RegisteredError } from '../protocol/errors/error-registry.ts'
import { errorUri } from '../protocol/errors/oauth-error.ts'
import { type NoteName, noteRegistry } from '../protocol/operator-notes.ts'
import { storedClientId } from '../records/refusals/refusal-log.ts'
import {
  listRefusals,
  listRefusalsAfter,
  newestRefusalId,
  noteError,
  type RecordedRefusal,
  refusalIdsPerBatch,
} from '../records/refusals/refusals-store.ts'
import { CommandFailed } from './command-failures.ts'
import { duration, json, notEmpty, oneValue } from './flags.ts'
import { follow } from './follow.ts'
import { asText, type Document } from './output.ts'
import { addPageFlags, defaultLimit, type PageFlags, printPages } from './paging.ts'
import { entirelyVisible, type Terminal, visibleJson } from './terminal.ts'
import { reading } from './with-signet.ts'

interface Flags extends PageFlags {
  readonly clientId?: string
  readonly since?: number | ''
  readonly follow?: true
}

/** `signet events refusals`: why requests were refused, and notes about others. */
export function refusalsCommand(events: Command, terminal: Terminal): void {
  const command = events
    .command('refusals')
    .description(
      'Show why requests were refused and what to change, newest first; and notes about requests that were answered.',
    )
    .addOption(notEmpty(oneValue('--client-id <client_id>', 'only requests of this client')))
    .addOption(notEmpty(duration('--since <duration>', 'only those of the last 10m, 24h, 7d, ...')))
  addPageFlags(command, 'id')
    .addOption(
      new Option(
        '--follow',
        'show the newest ones, oldest first, and then new ones until Ctrl-C; with --json, one document per line',
      ).conflicts(['after', 'all']),
    )
    .addOption(json())
    .action(async (flags: Flags) => {
      const filter = {
        clientId: flags.clientId === undefined ? undefined : storedClientId(flags.clientId),
        since: flags.since === '' ? undefined : flags.since,
      }
      if (flags.follow)
        return reading(terminal, async ({ database, settings: { issuer } }) => {
          const print = (refusal: RecordedRefusal) =>
            terminal.writeOut(
              flags.json ? `${visibleJson(documentOfRefusal(issuer, refusal), 0)}\n` : paragraphOf(issuer, refusal),
            )
          const start = await newestRefusalId(database)
          const found = await listRefusals(database, filter, undefined, flags.limit ?? defaultLimit)
          for (const refusal of found.toReversed()) print(refusal)
          const growing = {
            newestId: () => newestRefusalId(database),
            listAfter: (id: number) => listRefusalsAfter(database, filter, id),
            idsPerBatch: refusalIdsPerBatch,
          }
          return follow(growing, start, found, print, terminal.stopSignal)
        })
      let issuer = ''
      await printPages<RecordedRefusal, { readonly id: number }>(terminal, flags, {
        find: async (_, id) => ({ id: readId(id) }),
        read: ({ database, settings }, after, limit) => {
          issuer = settings.issuer
          return listRefusals(database, filter, after?.id, limit)
        },
        idOf: ({ id }) => String(id),
        documentOf: (refusal) => documentOfRefusal(issuer, refusal),
        columns: (refusal) => paragraphOf(issuer, refusal),
        nothing:
          'No refused requests found. They are recorded within a second and kept for a week. Check --client-id and --since, or whether the request ' +
          'reached this issuer: the response to every request has the header X-Request-Id.',
      })
    })
}

/** Old refusals are deleted all the time, so the one that a page ended with need not exist. */
function readId(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new CommandFailed(`There is no refusal ${text.slice(0, 80)}.`)
  return Number(text)
}

/** Whether this is a note about a request that was not refused for it. */
export function isNote({ error }: Pick<RecordedRefusal, 'error'>): boolean {
  return error === noteError
}

/** A refusal or a note as JSON. A note has the name `note` in place of `error`, and no page that explains it. */
export function documentOfRefusal(issuer: string, refusal: RecordedRefusal): Document {
  const { id, at, requestId, network, method, route, clientId, status, entry, error, description, detail } = refusal
  return {
    ...{ id, at, request_id: requestId, network, client_id: clientId, method, route, status },
    ...(isNote(refusal) ? { note: entry } : { error, entry }),
    ...{ description, detail, fix: fixOf(refusal) },
    ...(!isNote(refusal) && { documentation: errorUri(issuer, entry as ErrorName, undefined) }),
  }
}

/** What to change; undefined for an entry that only another release knows. */
function fixOf(refusal: RecordedRefusal): string | undefined {
  const { entry } = refusal
  if (isNote(refusal)) return Object.hasOwn(noteRegistry, entry) ? noteRegistry[entry as NoteName].fix : undefined
  const registry: Readonly<Record<string, RegisteredError>> = errorRegistry
  return Object.hasOwn(registry, entry) ? registry[entry]?.fix : undefined
}

/** A refusal or a note for people: a line of what happened when, and indented lines. */
export function paragraphOf(issuer: string, refusal: RecordedRefusal): string {
  const { requestId, method, route, status, error, description, detail, network, clientId } = refusal
  const { documentation, fix } = documentOfRefusal(issuer, refusal)
  const lines: [name: string, text: string | undefined][] = isNote(refusal)
    ? [
        ['note', description],
        ['detail', detail],
      ]
    : [
        ['sent', description],
        ['not sent', detail],
      ]
  lines.push(
    ['request', requestId],
    ['from', `${network}${clientId === undefined ? '' : `, as client ${clientId}`}`],
    ['to fix', fix === undefined ? undefined : asText(fix)],
    ['more', documentation === undefined ? undefined : asText(documentation)],
  )
  const what = isNote(refusal) ? `was answered: ${status}, with a note` : `was refused: ${status} ${error}`
  const first = `${asText(refusal.at)}  ${method} ${route} ${what}`
  const rest = lines.flatMap(([name, text]) => (text ? [`  ${name.padEnd(8)}  ${text}`] : []))
  return [first, ...rest].map((line) => `${entirelyVisible(line)}\n`).join('')
}
