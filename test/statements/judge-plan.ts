/** A node of `EXPLAIN (FORMAT JSON, VERBOSE)`, with the properties used here. */
export interface PlanNode {
  readonly 'Node Type': string
  readonly 'Relation Name'?: string
  readonly Schema?: string
  readonly 'Index Name'?: string
  readonly 'Index Cond'?: string
  readonly Filter?: string
  readonly 'Join Type'?: string
  readonly Strategy?: string
  readonly 'CTE Name'?: string
  readonly 'Parent Relationship'?: string
  readonly 'Subplan Name'?: string
  readonly Plans?: readonly PlanNode[]
}

/** What must be known about the tables to decide whether a set of their rows is bounded. */
export interface Tables {
  readonly schema: string
  readonly indexes: ReadonlyMap<string, Index>
  /** Tables that do not grow, each with the reason. */
  readonly steady: Readonly<Record<string, string>>
  /** Columns (`table.column`) of growing tables that have few rows of each value, each with the reason. */
  readonly few: Readonly<Record<string, string>>
}

/** An index as in the catalog. */
export interface Index {
  readonly table: string
  readonly unique: boolean
  /** Its columns and expressions, as PostgreSQL writes them. */
  readonly keys: readonly string[]
  /** Of a partial index: the condition that all of its rows meet. */
  readonly predicate: string | null
}

/** How many rows a part of a plan yields: a bounded number, or as many as the tables hold. */
type Rows = 'few' | 'many'

/**
 * Judges a plan by its shape, not by its costs: it finds everything that takes longer as the tables grow.
 *
 * @returns a sentence for each fault; none for a plan that stays fast however much the tables hold
 */
export function faultsOfPlan(plan: PlanNode, tables: Tables): string[] {
  const faults = new Set<string>()
  const rowsOfCtes = new Map<string, Rows>()
  const asText = JSON.stringify(plan)

  /**
   * @param node a part of the plan
   * @param stops whether the part above stops asking for rows at some point, whatever the rows contain
   */
  const visit = (node: PlanNode, stops: boolean): Rows => {
    const parts = node.Plans ?? []
    for (const part of parts) if (isSubplan(part)) visitSubplan(part)
    const inputs = parts.filter((part) => !isSubplan(part))
    const rowsOfInputs = (inputStops: boolean): Rows => larger(inputs.map((input) => visit(input, inputStops)))
    const takesAll = (what: string): Rows => {
      const rows = rowsOfInputs(false)
      if (rows === 'many')
        faults.add(`It ${what} an unbounded set of rows${node['Relation Name'] ? ` of ${node['Relation Name']}` : ''}.`)
      return rows
    }
    switch (node['Node Type']) {
      case 'Limit':
        rowsOfInputs(true)
        return 'few'
      case 'Sort':
        return takesAll('sorts')
      case 'Hash':
        return takesAll('hashes')
      case 'WindowAgg':
        return takesAll('computes a window over')
      case 'Aggregate':
        if (node.Strategy === 'Sorted' && stops) return rowsOfInputs(node.Filter === undefined)
        if (node.Strategy === 'Plain') takesAll('aggregates')
        else return takesAll('groups')
        return 'few'
      case 'ModifyTable':
        return takesAll('changes')
      case 'Nested Loop':
        return visitNestedLoop(node, inputs, stops)
      case 'CTE Scan':
        return rowsOfCtes.get(node['CTE Name'] ?? '') ?? 'many'
      case 'Function Scan':
      case 'Values Scan':
      case 'Tid Scan':
        // Arrays and documents among the parameters, and rows that were chosen before: their number is up to the caller.
        return 'few'
      case 'Seq Scan':
        if (!grows(node)) return 'few'
        faults.add(`It reads the whole table ${node['Relation Name']}.`)
        return 'many'
      case 'Index Scan':
      case 'Index Only Scan':
        return visitScan(node, [node], stops)
      case 'Bitmap Heap Scan':
        return visitScan(node, inputs.flatMap(bitmapScans), stops)
      default:
        return rowsOfInputs(stops && node.Filter === undefined)
    }
  }

  const visitNestedLoop = (node: PlanNode, [outer, inner]: readonly PlanNode[], stops: boolean): Rows => {
    const asksWhether = node['Join Type'] === 'Semi' || node['Join Type'] === 'Anti'
    // A join may drop any number of rows before it yields one; a left join drops none.
    const rowsOfOuter = outer ? visit(outer, stops && node['Join Type'] === 'Left') : 'few'
    const rowsOfInner = inner ? visit(inner, asksWhether) : 'few'
    return asksWhether ? rowsOfOuter : larger([rowsOfOuter, rowsOfInner])
  }

  const visitSubplan = (subplan: PlanNode): void => {
    const name = subplan['Subplan Name'] ?? ''
    if (name.startsWith('CTE ')) {
      rowsOfCtes.set(name.slice('CTE '.length), visit(subplan, false))
      return
    }
    // EXISTS stops at the first row, and a scalar subquery at the second, which is an error.
    const takesAll = new RegExp(
      `ARRAY\\(${name}\\)|hashed ${name}\\)|(?:ANY|ALL) \\([^()]*\\(${name}\\)|unnest\\(\\(${name}\\)`,
    ).test(asText)
    if (visit(subplan, !takesAll) === 'many' && takesAll) faults.add('It collects an unbounded set of rows.')
  }

  const visitScan = (node: PlanNode, scans: readonly PlanNode[], stops: boolean): Rows => {
    const table = node['Relation Name'] ?? ''
    if (!grows(node)) return 'few'
    const filter = node.Filter !== undefined && !scans.every((scan) => isMet(node.Filter ?? '', scan))
    for (const scan of scans) {
      const index = `the index ${scan['Index Name']} of ${table}`
      if (scan['Index Cond'] === undefined && (filter || !stops)) faults.add(`It reads all of ${index}.`)
      else if (filter && lookedUp(scan).length === 0)
        faults.add(`It reads on in ${index} until enough rows pass the filter ${node.Filter}, which may be never.`)
    }
    return larger(scans.map((scan) => rowsOfScan(table, scan)))
  }

  const rowsOfScan = (table: string, scan: PlanNode): Rows => {
    const own = tables.indexes.get(scan['Index Name'] ?? '')
    const keys = lookedUp(scan)
    // Another index may prove that there is only one such row: (sub, id) is looked up, and id is the primary key.
    const isOneRow = [...tables.indexes.values()].some(
      (index) =>
        index.unique &&
        index.table === table &&
        (index === own || index.predicate === null) &&
        index.keys.every((key) => keys.includes(key)),
    )
    return isOneRow || keys.some((key) => tables.few[`${table}.${key}`] !== undefined) ? 'few' : 'many'
  }

  /** The keys of a scan's index that are looked up by value: `=`, `= ANY`, an equal lower and upper bound, and in a GIN index `@>` and `&&`. */
  const lookedUp = (scan: PlanNode): string[] => {
    const parts = conjuncts(withoutAliases(scan['Index Cond'] ?? ''))
    const keys = tables.indexes.get(scan['Index Name'] ?? '')?.keys ?? []
    const isEqual = (key: string) =>
      ['=', '@>', '&&'].some((sign) => parts.some((part) => part.startsWith(`${key} ${sign} `)))
    const isWithin = (key: string) => {
      const from = parts.flatMap((part) => boundOf(key, '>', part))
      return parts.flatMap((part) => boundOf(key, '<', part)).some((to) => from.includes(to))
    }
    return keys.filter((key) => isEqual(key) || isWithin(key))
  }

  /** Whether a filter drops next to nothing of what is found in an index. */
  const isMet = (filter: string, scan: PlanNode): boolean => {
    const predicate = tables.indexes.get(scan['Index Name'] ?? '')?.predicate
    const met = predicate ? conjuncts(predicate) : []
    return conjuncts(withoutAliases(filter)).every((one) => met.includes(one) || isRestOf(one, scan))
  }

  const grows = (node: PlanNode): boolean =>
    node.Schema === tables.schema && tables.steady[node['Relation Name'] ?? ''] === undefined

  if (visit(plan, false) === 'many' && plan['Node Type'] !== 'ModifyTable')
    faults.add('It returns an unbounded set of rows.')
  return [...faults]
}

function isSubplan(node: PlanNode): boolean {
  return node['Parent Relationship'] === 'InitPlan' || node['Parent Relationship'] === 'SubPlan'
}

function larger(rows: readonly Rows[]): Rows {
  return rows.includes('many') ? 'many' : 'few'
}

/** The index scans that make up a bitmap. */
function bitmapScans(node: PlanNode): PlanNode[] {
  return node['Node Type'] === 'Bitmap Index Scan' ? [node] : (node.Plans ?? []).flatMap(bitmapScans)
}

/** The parts of a condition that are connected by AND, as PostgreSQL writes them. */
function conjuncts(condition: string): string[] {
  return condition
    .replace(/^\(\((.*)\)\)$/, '($1)')
    .split(' AND ')
    .map((one) => one.replace(/^\((.*)\)$/, '$1'))
}

/** What a condition compares a key with, alone (`a >= x`) or as the first of a row (`(a, b) >= (x, y)`). */
function boundOf(key: string, sign: '<' | '>', condition: string): string[] {
  const [left, right] = condition.split(new RegExp(` ${sign}=? `))
  if (left === undefined || right === undefined) return []
  if (left === key) return [right]
  return left.startsWith(`ROW(${key}, `) ? [right.slice('ROW('.length, right.indexOf(','))] : []
}

/**
 * Whether a condition only refines what is looked up in the index: `(at, id) < (x, y)` is looked up as `at <= x` if the index is over
 * `at`, and then drops rows with exactly the timestamp x.
 */
function isRestOf(condition: string, scan: PlanNode): boolean {
  const [, first] = /^ROW\((\w+), \w+\) [<>]=? ROW\(/.exec(condition) ?? []
  return first !== undefined && new RegExp(`\\(${first} [<>]=? `).test(withoutAliases(scan['Index Cond'] ?? ''))
}

/** A condition with plain names, without the table's alias and the casts that PostgreSQL adds for varchar columns. */
function withoutAliases(condition: string): string {
  return condition.replace(/\b[a-z_][a-z_0-9]*\.(?=[a-z_])/g, '').replace(/\((\w+)\)::text/g, '$1')
}
