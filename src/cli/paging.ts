import { type Command, Option } from 'commander'
import type { Installation } from '../installation.ts'
import { CommandFailed } from './command-failures.ts'
import { count, notEmpty, oneValue } from './flags.ts'
import { type Document, type Format, openArray, printMany, printMore } from './output.ts'
import type { Terminal } from './terminal.ts'
import { reading } from './with-signet.ts'

/** The number of entries of a page. */
export const defaultLimit = 100
const maxLimit = 1000

export interface PageFlags extends Format {
  readonly limit?: number
  /** The id of the last entry of the previous page. */
  readonly after?: string
  readonly all?: true
}

/** A list that is read page by page. `After` is the part of an entry that is needed to read the entries after it. */
export interface PagedList<Entry extends After, After> {
  /**
   * Finds the entry that `--after` names.
   *
   * @throws CommandFailed if there is no such entry
   */
  readonly find: (installation: Installation, id: string) => Promise<After>
  /** Reads a page: up to `limit` entries that follow `after`, or the first ones. */
  readonly read: (installation: Installation, after: After | undefined, limit: number) => Promise<readonly Entry[]>
  /** The value for `--after`. */
  readonly idOf: (entry: Entry) => string
  readonly documentOf: (entry: Entry) => Document
  /** Members of the document that are columns of the table; or the text of an entry, of a list that is no table. */
  readonly columns: readonly string[] | ((entry: Entry) => string)
  /** The sentence to print if there are no entries. */
  readonly nothing: string
  /** Text for people, printed below the entries. */
  readonly notes?: (entries: readonly Entry[]) => string
}

/**
 * Adds the flags of a list that is shown in pages.
 *
 * @param id what `--after` takes, such as `client_id`
 */
export function addPageFlags(command: Command, id: string): Command {
  return command
    .addOption(
      count('--limit <number>', `maximum number to show (default ${defaultLimit}, at most ${maxLimit})`, maxLimit),
    )
    .addOption(notEmpty(oneValue(`--after <${id}>`, 'show the entries after this one, the last of the previous page')))
    .addOption(new Option('--all', 'show all entries').conflicts('limit'))
}

/**
 * Prints one page of a list, and how to get the next one; or, with `--all`, all entries. With `--json` this is one array, and the
 * sentence about the next page goes to standard error.
 */
export async function printPages<Entry extends After, After>(
  terminal: Terminal,
  flags: PageFlags,
  list: PagedList<Entry, After>,
): Promise<void> {
  const first = async (installation: Installation) =>
    flags.after === undefined ? undefined : list.find(installation, flags.after)
  if (flags.all)
    return reading(terminal, async (installation) =>
      printAll(terminal, flags, list, installation, await first(installation)),
    )
  const limit = flags.limit ?? defaultLimit
  // Reads one more than is shown, to know whether there are more.
  const found = await reading(terminal, async (installation) =>
    list.read(installation, await first(installation), limit + 1),
  )
  const entries = found.slice(0, limit)
  const nothing = flags.after === undefined ? list.nothing : `There is nothing after ${flags.after.slice(0, 80)}.`
  printEntries(terminal, flags, list, entries, nothing, 'heading')
  if (!flags.json && list.notes) terminal.writeOut(list.notes(entries))
  const last = entries.at(-1)
  if (last !== undefined && found.length > limit)
    printMore(
      terminal,
      flags,
      'There are more: --after',
      list.idOf(last),
      ' shows the next page, --all shows everything.',
    )
}

function printEntries<Entry extends After, After>(
  terminal: Terminal,
  flags: PageFlags,
  { columns, documentOf }: PagedList<Entry, After>,
  entries: readonly Entry[],
  nothing: string,
  heading: 'heading' | 'no heading',
): void {
  const isTable = typeof columns !== 'function'
  if (flags.json || isTable || entries.length === 0)
    printMany(terminal, flags, entries.map(documentOf), isTable ? columns : [], nothing, heading)
  else terminal.writeOut(entries.map(columns).join(''))
}

/** Prints each page as soon as it is read, because the list can be too long for memory. If reading fails, part of it has been printed. */
async function printAll<Entry extends After, After>(
  terminal: Terminal,
  flags: PageFlags,
  list: PagedList<Entry, After>,
  installation: Installation,
  after: After | undefined,
): Promise<void> {
  const array = flags.json ? openArray(terminal) : undefined
  let isFirst = true
  for (let last: After | undefined = after; ; ) {
    const entries = await list.read(installation, last, maxLimit)
    if (array) array.add(entries.map(list.documentOf))
    else if (entries.length > 0 || isFirst)
      printEntries(terminal, flags, list, entries, list.nothing, isFirst ? 'heading' : 'no heading')
    if (!flags.json && list.notes) terminal.writeOut(list.notes(entries))
    if (entries.length < maxLimit) break
    if (terminal.stopSignal.aborted) throw new CommandFailed('Interrupted; the list is not complete.')
    last = entries.at(-1)
    isFirst = false
  }
  array?.close()
}
