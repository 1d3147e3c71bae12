/**
 * A length of time as a person says it, rounded up so that who waits that long has waited long enough.
 *
 * @param seconds at least one is said
 * @param locale a BCP 47 tag
 */
export function durationInWords(seconds: number, locale: string): string {
  const [unit, length] =
    seconds <= 90 ? (['second', 1] as const) : seconds <= 5400 ? (['minute', 60] as const) : (['hour', 3600] as const)
  return new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'long' }).format(
    Math.max(1, Math.ceil(seconds / length)),
  )
}
