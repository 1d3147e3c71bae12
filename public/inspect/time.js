// @ts-check

/** @type {readonly (readonly [unit: Intl.RelativeTimeFormatUnit, length: number, upTo: number])[]} in seconds */
const units = [
  ['second', 1, 90],
  ['minute', 60, 90 * 60],
  ['hour', 3600, 36 * 3600],
  ['day', 86_400, 60 * 86_400],
  ['month', 2_629_746, 24 * 2_629_746],
  ['year', 31_556_952, Number.POSITIVE_INFINITY],
]

/**
 * A moment as a date in the reader's time zone, and in words: "12 minutes ago".
 *
 * @param {number} seconds since 1970
 * @param {number} now seconds since 1970
 * @param {string} locale a BCP 47 tag
 * @returns {{ date: string, words: string, iso: string } | undefined} undefined if it is beyond the range of Date
 */
export function timeInWords(seconds, now, locale) {
  const moment = new Date(seconds * 1000)
  if (Number.isNaN(moment.getTime())) return undefined
  const away = seconds - now
  const [unit, length] = units.find(([, , upTo]) => Math.abs(away) < upTo) ?? ['year', 31_556_952]
  return {
    date: new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'long' }).format(moment),
    // Rounded towards zero: 59 seconds are not a minute. (-0 would be "0 seconds ago".)
    words: new Intl.RelativeTimeFormat(locale, { numeric: 'auto' }).format(Math.trunc(away / length) + 0, unit),
    iso: moment.toISOString(),
  }
}
