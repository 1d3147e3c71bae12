/** A parameter on the wire: name and value, both encoded. */
export type Pair = readonly [name: string, encoded: string]

export const wireOf = (parameters: Readonly<Record<string, string>>): Pair[] =>
  Object.entries(parameters).map(([name, value]) => [name, encodeURIComponent(value)])

export const write = (pairs: readonly Pair[]): string => pairs.map(([name, value]) => `${name}=${value}`).join('&')

const replaced = (pairs: readonly Pair[], name: string, value: string): Pair[] => [
  ...pairs.filter(([other]) => other !== name),
  [name, value],
]

/** What an attacker does to one parameter of a valid request. */
export const mutations = {
  missing: (pairs, name) => pairs.filter(([other]) => other !== name),
  empty: (pairs, name) => replaced(pairs, name, ''),
  doubled: (pairs, name) => {
    const value = pairs.find(([other]) => other === name)?.[1] ?? 'x'
    return [...replaced(pairs, name, value), [name, value]]
  },
  'doubled, one of them empty': (pairs, name) => [...replaced(pairs, name, ''), [name, 'x']],
  '8 KB long': (pairs, name) => replaced(pairs, name, 'x'.repeat(8192)),
  'of a wrong type': (pairs, name) => replaced(pairs, name, encodeURIComponent('{"a":[1]}')),
  'with a NUL byte': (pairs, name) => replaced(pairs, name, 'a%00b'),
  'in bytes that are not UTF-8': (pairs, name) => replaced(pairs, name, '%ff%fe'),
  'with a broken escape': (pairs, name) => replaced(pairs, name, '%zz'),
} as const satisfies Record<string, (pairs: readonly Pair[], name: string) => Pair[]>

export type Mutation = keyof typeof mutations
export const mutationNames = Object.keys(mutations) as Mutation[]

/** Those that no server may guess at: the request is refused, whichever parameter it is. */
export const unreadable: ReadonlySet<Mutation> = new Set<Mutation>([
  'doubled',
  'doubled, one of them empty',
  'with a NUL byte',
  'in bytes that are not UTF-8',
  'with a broken escape',
])
