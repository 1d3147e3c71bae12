/** Edits that a typo may consist of. */
const mostEdits = 3

/**
 * The name that somebody meant who wrote another one.
 *
 * @param written what was written; a long text is no typo
 * @returns the one of `names` that is fewest edits away, or undefined if none is near
 */
export function nearestName(written: string, names: readonly string[]): string | undefined {
  if (written.length > 100) return undefined
  const distances = names.map((name) => ({ name, edits: editsBetween(written, name) }))
  const [nearest] = distances.sort((a, b) => a.edits - b.edits)
  return nearest && nearest.edits <= mostEdits ? nearest.name : undefined
}

/**
 * How many characters have to be inserted, deleted or replaced, or swapped with their neighbours, to get from one text to the other
 * (optimal string alignment).
 */
function editsBetween(a: string, b: string): number {
  // Each row has the distances between a beginning of `a` and all beginnings of `b`.
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (last[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      const swapped = isSwapped ? (beforeLast[j - 2] ?? 0) + 1 : Infinity
      row[j] = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, replaced, swapped)
    }
    ;[beforeLast, last] = [last, row]
  }
  return last[b.length] ?? 0
}
