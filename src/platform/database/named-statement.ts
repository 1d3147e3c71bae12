import pg, { type Client, type Connection, type CustomTypesConfig, type FieldDef, type QueryResultRow } from 'pg'
import type { Statement, StatementResult } from './queryable.ts'

export interface NamedStatement extends Statement {
  readonly name: string
}

interface Column {
  readonly name: string
  readonly parse: (text: string) => unknown
}

/** What `pg` gives to classes that send their own messages (pg-cursor, pg-query-stream); @types/pg knows only a part of it. */
interface Messages {
  readonly stream: { cork(): void; uncork(): void }
  /** The texts of the statements that the server has parsed, by name. The client keeps them. */
  readonly parsedStatements: Readonly<Record<string, string | undefined>>
  parse(message: { readonly name: string; readonly text: string }): void
  describe(message: { readonly type: 'S'; readonly name: string }): void
  bind(message: { readonly statement: string; readonly values: readonly unknown[] }): void
  execute(): void
  sync(): void
}

/** How `pg` converts a parameter; @types/pg lacks it. */
const { prepareValue } = (pg as unknown as { utils: { prepareValue(value: unknown): unknown } }).utils

/**
 * Creates a function that executes the named statements of a connection. `pg` itself asks for the columns of a statement with
 * every execution. To read their descriptions and to look up their parsers takes more time than everything else that it does. A prepared
 * statement always returns the same columns: otherwise PostgreSQL refuses to execute it ("cached plan must not change result type"). So this
 * asks once.
 *
 * @param types how the values of the columns are parsed
 * @param isSession whether the connection has one session of the server. A pooler can prepare a statement again in another one, in which a
 *   migration has changed the columns, so there they are asked for every time
 */
export function namedStatements(
  client: Client,
  types: CustomTypesConfig,
  isSession: boolean,
): <R extends QueryResultRow>(statement: NamedStatement) => Promise<StatementResult<R>> {
  const known = new Map<string, readonly Column[]>()
  return <R extends QueryResultRow>(statement: NamedStatement) =>
    new Promise<StatementResult<R>>((resolve, reject) => {
      const columns = isSession ? known.get(statement.name) : undefined
      client.query(
        new Execution(statement, types, columns, (error, execution) => {
          if (!execution) return reject(error)
          if (execution.columns !== columns) known.set(statement.name, execution.columns)
          resolve(execution.result as StatementResult<R>)
        }),
      )
    })
}

const noColumns: readonly Column[] = []

/** One execution of a statement. The client calls its methods as it calls those of its own class `Query`. */
class Execution {
  readonly name: string
  readonly text: string
  /** The columns that the statement returns; those that the server has described, if they were not known. */
  columns: readonly Column[]
  /** Read, and replaced, by a client that has a `query_timeout`. */
  callback: (error: Error | null, execution?: Execution) => void
  readonly #values: readonly unknown[]
  readonly #types: CustomTypesConfig
  readonly #isDescribed: boolean
  readonly #rows: QueryResultRow[] = []
  #tag = ''
  #fault: Error | undefined

  constructor(
    { name, text, values = [] }: NamedStatement,
    types: CustomTypesConfig,
    columns: readonly Column[] | undefined,
    callback: (error: Error | null, execution?: Execution) => void,
  ) {
    this.name = name
    this.text = text
    this.columns = columns ?? noColumns
    this.callback = callback
    this.#values = values
    this.#types = types
    this.#isDescribed = columns !== undefined
  }

  /** @returns why nothing was sent; the client then calls `handleError` with it */
  submit(connection: Connection): Error | undefined {
    const { name, text } = this
    const to = connection as unknown as Messages
    const parsed = to.parsedStatements[name]
    if (parsed !== undefined && parsed !== text) return new Error(`Two statements have the name ${name}.`)
    let values: unknown[]
    try {
      values = this.#values.map(prepareValue)
    } catch (error) {
      return error as Error
    }
    // PostgreSQL's extended query protocol. Corked, so that the messages are sent together.
    to.stream.cork()
    if (parsed === undefined) to.parse({ name, text })
    if (!this.#isDescribed) to.describe({ type: 'S', name })
    to.bind({ statement: name, values })
    to.execute()
    to.sync()
    to.stream.uncork()
    return undefined
  }

  handleRowDescription({ fields }: { readonly fields: readonly FieldDef[] }): void {
    this.columns = fields.map(({ name, dataTypeID }) => ({
      name,
      parse: this.#types.getTypeParser(dataTypeID, 'text') as Column['parse'],
    }))
  }

  handleDataRow({ fields }: { readonly fields: readonly (string | null)[] }): void {
    const row: QueryResultRow = {}
    try {
      this.columns.forEach(({ name, parse }, index) => {
        const text = fields[index]!
        row[name] = text === null ? null : parse(text)
      })
    } catch (error) {
      // The rest of the answer has to be read first.
      this.#fault ??= error as Error
    }
    this.#rows.push(row)
  }

  handleCommandComplete({ text }: { readonly text: string }): void {
    this.#tag = text
  }

  handleReadyForQuery(): void {
    if (this.#fault) this.callback(this.#fault)
    else this.callback(null, this)
  }

  handleError(error: Error): void {
    this.callback(error)
  }

  // The answers to an empty statement, to a limit of rows, and to COPY, which no statement of a store causes.
  handleEmptyQuery(): void {}
  handlePortalSuspended(): void {}
  handleCopyInResponse(): void {}
  handleCopyData(): void {}

  get result(): StatementResult<QueryResultRow> {
    // The tag of CommandComplete: `SELECT 1`, `INSERT 0 1`, `LISTEN`.
    const [command = '', ...counts] = this.#tag.split(' ')
    const count = Number.parseInt(counts.at(-1) ?? '', 10)
    return { command, rowCount: Number.isNaN(count) ? null : count, rows: this.#rows }
  }
}
