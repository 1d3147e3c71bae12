import pg, { type CustomTypesConfig } from 'pg'

const int8: number = 20
const int8Array: number = 1016

/**
 * How values of rows become JavaScript's: as `pg` does it, but bigint (counts, epochs, identities) as a number. `pg`
 * itself hands it out as text, and `'10' + 1` is `'101'`. A value beyond 2^53 makes the query fail, rather than lose
 * its last digits. For one pool at a time, as `types`: `pg.types.setTypeParser` would reach into every other user of
 * `pg` in the process.
 */
export const rowTypes: CustomTypesConfig = {
  // The overloads of pg-types are over some eighty literal ids; any of them comes here.
  getTypeParser: ((id: number, format?: 'text' | 'binary') => {
    if (format !== 'binary' && id === int8) return safeInteger
    if (format !== 'binary' && id === int8Array) return safeIntegers
    return pg.types.getTypeParser(id, format as 'text')
  }) as CustomTypesConfig['getTypeParser'],
}

function safeInteger(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new RangeError(`The bigint ${text} is beyond what a number holds exactly.`)
  return value
}

function safeIntegers(text: string): (number | null)[] {
  const parse: (text: string) => (string | null)[] = pg.types.getTypeParser(int8Array, 'text')
  return parse(text).map((item) => (item === null ? null : safeInteger(item)))
}
