import { parseSync, Visitor } from 'oxc-parser'

/** A text of a source file that holds SQL. */
export interface SqlLiteral {
  readonly line: number
  /** The texts between the inserted values (`${…}`), in order. */
  readonly parts: readonly string[]
}

/** Words that are written in capitals in SQL, and nowhere else in this project. */
const keyword =
  /\b(?:SELECT|INSERT INTO|UPDATE|DELETE FROM|MERGE INTO|VALUES|WHERE|AND|OR|FROM|JOIN|LIMIT|ORDER BY|GROUP BY|RETURNING|LOCK TABLE)\b/

/** All texts of a source that hold SQL: whole statements, and the pieces that some are composed of. */
export function sqlLiterals(file: string, source: string): SqlLiteral[] {
  const found: SqlLiteral[] = []
  const add = (start: number, parts: readonly string[]) => {
    if (!parts.some((part) => keyword.test(part))) return
    found.push({ line: source.slice(0, start).split('\n').length, parts })
  }
  new Visitor({
    Literal: ({ start, value }) => {
      if (typeof value === 'string') add(start, [value])
    },
    TemplateLiteral: ({ start, quasis }) =>
      add(
        start,
        quasis.map(({ value }) => value.cooked ?? value.raw),
      ),
  }).visit(parseSync(file, source).program)
  return found
}

/** The texts that a source compares values with, because what a function does can depend on them. */
export function comparedTexts(file: string, source: string): string[] {
  const found = new Set<string>()
  const add = (node: { type: string; value?: unknown } | null) => {
    if (node?.type === 'Literal' && typeof node.value === 'string') found.add(node.value)
  }
  new Visitor({
    SwitchCase: ({ test }) => add(test),
    BinaryExpression: ({ operator, left, right }) => {
      if (/^[!=]=/.test(operator)) for (const side of [left, right]) add(side)
    },
  }).visit(parseSync(file, source).program)
  return [...found]
}

/** Whether a statement contains the parts of a literal, in their order. */
export function holds(statement: string, { parts }: SqlLiteral): boolean {
  let from = 0
  for (const part of parts) {
    const at = statement.indexOf(part, from)
    if (at === -1) return false
    from = at + part.length
  }
  return true
}
