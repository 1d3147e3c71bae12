/** A moment that is to come, in a sentence, rounded up to the second: `2026-11-22T10:32:11Z`. By then it has come. */
export function moment(milliseconds: number): string {
  return inSeconds(Math.ceil(milliseconds / 1000))
}

/** A moment that is past, in a sentence, without the fraction of its second: it agrees with the full moment that other commands print. */
export function pastMoment(milliseconds: number): string {
  return inSeconds(Math.floor(milliseconds / 1000))
}

function inSeconds(seconds: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z`
}
