/** A moment in a sentence, to the second: `2026-11-22T10:32:11Z`. */
export function moment(milliseconds: number): string {
  return `${new Date(Math.ceil(milliseconds / 1000) * 1000).toISOString().slice(0, 19)}Z`
}
