import { AlreadyReported, CommandFailed } from '../command-failures.ts'
import { type Format, oneLine } from '../output.ts'
import { type Terminal, visibleJson } from '../terminal.ts'

/** What became of one entry. */
export type Result = { readonly where: string; readonly id: string; readonly notes?: readonly string[] } & (
  | { readonly outcome: 'imported' }
  | { readonly outcome: 'skipped' | 'refused'; readonly reason: string }
)

const opening = '{\n  "rows": ['
/** More kinds of notes than any export causes. */
const maxNotes = 200

/**
 * Prints what became of the entries of an import: each that was skipped or refused at once, with the reason, and numbers at the end. Notes are
 * counted, because an export can cause the same one a million times.
 */
export function openReport(terminal: Terminal, format: Format, dryRun: boolean) {
  const counts = { imported: 0, skipped: 0, refused: 0 }
  const notes = new Map<string, { rows: number; first: string }>()
  let isFirst = true
  const print = ({ where, id, outcome, reason }: Result & { readonly reason: string }) => {
    if (format.json) {
      const row = visibleJson({ where, id: id.slice(0, 255), outcome, reason }, 0)
      terminal.writeOut(`${isFirst ? opening : ','}\n    ${row}`)
      isFirst = false
    } else terminal.writeOut(`${oneLine(`${where}: ${outcome}${id ? ` ${id.slice(0, 80)}` : ''}: ${reason}`)}\n`)
  }
  return {
    add: (result: Result): void => {
      counts[result.outcome]++
      if (result.outcome !== 'imported') print(result)
      else
        for (const note of result.notes ?? []) {
          const known = notes.get(note)
          if (known) known.rows++
          else if (notes.size < maxNotes) notes.set(note, { rows: 1, first: result.where })
        }
    },
    /**
     * @param interrupted whether the command was stopped before the end of the input
     * @throws AlreadyReported if an entry was refused; CommandFailed if it was interrupted
     */
    close: (interrupted: boolean): void => {
      const noted = [...notes].map(([note, { rows, first }]) => ({ note, rows, first }))
      if (format.json) {
        const end = visibleJson({ notes: noted, ...counts, dry_run: dryRun })
        terminal.writeOut(`${isFirst ? opening : '\n  '}],\n${end.slice(2)}\n`)
      } else {
        for (const { note, rows, first } of noted)
          terminal.writeOut(
            `${oneLine(`Note: ${note} (${rows === 1 ? first : `${rows} times, first in ${first}`})`)}\n`,
          )
        const what = dryRun ? 'Would be imported' : 'Imported'
        terminal.writeOut(`${what}: ${counts.imported}. Skipped: ${counts.skipped}. Refused: ${counts.refused}.\n`)
        if (dryRun) terminal.writeOut('This was a dry run: nothing was changed.\n')
      }
      if (interrupted)
        throw new CommandFailed('Interrupted. Run the command again to continue: what was imported is skipped.')
      if (counts.refused > 0) throw new AlreadyReported()
    },
  }
}
