import type { Installation } from '../installation.ts'
import { followNext } from '../records/endings/follow-ending.ts'
import type { Terminal } from './terminal.ts'

/** Milliseconds that a command spends on the rows of what it has ended. */
const longest = 10_000

/**
 * Lets rows follow what a command has just ended, for some seconds or until the person asks for the end. The decision holds already, and
 * running servers do the rest; but there may be none.
 *
 * @returns a note where rows are left
 */
export async function letRowsFollow(
  { database }: Pick<Installation, 'database'>,
  { asked }: Pick<Terminal, 'asked'>,
): Promise<string[]> {
  const begun = performance.now()
  while (performance.now() - begun < longest && !asked.aborted) {
    // Neither a failure nor an interruption may hide that it is done.
    const isMore = await followNext(database).catch(() => undefined)
    if (isMore === false) return []
    if (isMore === undefined) break
  }
  return ['This is in effect now. Updating all records takes longer; running servers continue with it.']
}
