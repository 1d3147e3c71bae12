/**
 * A value that can stand in for any argument of a store function, and for any row that PostgreSQL returns: every property of it is
 * another stand-in, it can be called and iterated, and it converts to a number or a text where one is needed. What a store does with
 * its values does not matter here. Its SQL depends on which of them are present, and sometimes on one that is compared with a text.
 *
 * @param path where the value is, such as `1.filter.sub`: the property `sub` of the property `filter` of the second argument
 * @param given returns the value at a path: `any` for a stand-in
 * @param reached collects each path that is read
 */
export function standIn(path: string, given: (path: string) => unknown, reached: Set<string>): unknown {
  const at = (below: string) => {
    reached.add(below)
    const value = given(below)
    return value === any ? standIn(below, given, reached) : value
  }
  return new Proxy(() => undefined, {
    apply: () => standIn(`${path}()`, given, reached),
    get: (_, key) => {
      if (key === Symbol.toPrimitive) return (hint: string) => (hint === 'string' ? '1' : 1)
      const one = [standIn(`${path}[]`, given, reached)]
      if (key === Symbol.iterator) return one[Symbol.iterator].bind(one)
      // A promise would be awaited, and a document would have to end somewhere.
      if (typeof key === 'symbol' || key === 'then') return undefined
      if (key === 'toString' || key === 'toJSON') return () => '1'
      if (key in one) {
        const member: unknown = Reflect.get(one, key)
        return typeof member === 'function' ? member.bind(one) : member
      }
      return at(`${path}.${key}`)
    },
  })
}

/** Any value. */
export const any = Symbol('any')
