import type { Queryable } from '../../src/platform/database/queryable.ts'

/** Rows of each table that grows: enough for the planner to prefer an index. */
const size = 10_000
/**
 * The number of different values of a column that need not be unique. They are few, so that the planner expects to find any of them
 * soon wherever it looks, and prefers to go through rows in the requested order until enough pass a filter. In a real table, where
 * matching rows may be old or rare, that would read everything.
 */
const values = 7

interface Column {
  readonly table: string
  readonly name: string
  readonly type: string
  readonly identity: boolean
  readonly nullable: boolean
  /** Whether a unique index covers this column alone: then no two rows have the same value. */
  readonly unique: boolean
  /** The column's position, from 1, in a unique index over several columns; null if there is none. */
  readonly place: number | null
  /** The table that it refers to, and the type of the referenced column. */
  readonly refersTo: string | null
  /** The CHECK constraint on this column alone. */
  readonly check: string | null
}

/**
 * Fills every growing table of a schema and updates the planner's statistics (ANALYZE). The rows mean nothing: constraints and triggers
 * are dropped first, and every third value of a nullable column is null.
 *
 * @param steady the tables that stay empty
 * @param few the columns (`table.column`) that have few rows of each value
 */
export async function growTables(db: Queryable, steady: readonly string[], few: readonly string[]): Promise<void> {
  const { rows: columns } = await db.query<Column>({ text: columnsOf, values: [steady] })
  await db.query({ text: dropConstraintsAndTriggers })
  const { rows: indexes } = await db.query<{ name: string; definition: string }>({ text: indexesToBuild })
  for (const { name } of indexes) await db.query({ text: `DROP INDEX ${name}` })
  const tables = [...new Set(columns.map(({ table }) => table))]
  for (const table of tables) {
    const own = columns.filter((column) => column.table === table)
    await db.query({ text: `ALTER TABLE ${table} SET UNLOGGED` })
    await db.query({
      text: `INSERT INTO ${table} (${own.map(({ name }) => name).join(', ')}) OVERRIDING SYSTEM VALUE
             SELECT ${own.map((column, index) => columnValue(column, index, few)).join(', ')} FROM generate_series(1, ${size}) AS i`,
    })
  }
  for (const { definition } of indexes) await db.query({ text: definition })
  await db.query({ text: `ANALYZE ${tables.join(', ')}` })
}

function columnValue(column: Column, index: number, few: readonly string[]): string {
  const number =
    column.unique || column.identity
      ? 'i'
      : few.includes(`${column.table}.${column.name}`)
        ? 'i / 2 + 1'
        : column.place === null
          ? `i % ${values} + 1`
          : column.place > 1
            ? // Adjacent rows differ, because a first column with few rows of each value has the same value in both.
              `i / ${size / 10} + 1 + i % 2 * 11`
            : `i % ${size / 10} + 1`
  const value = valueOfType(column, number)
  return column.nullable ? `CASE WHEN (i + ${index}) % 3 <> 0 THEN ${value} END` : value
}

function valueOfType({ table, name, type, refersTo, check }: Column, number: string): string {
  const isEqual = new RegExp(`^CHECK \\(\\(${name} = `).test(check ?? '')
  const allowed = [...(check ?? '').matchAll(/'((?:[^']|'')*)'::text/g)].map(([text]) => text)
  if (isEqual && allowed.length > 0) return `(ARRAY[${allowed.join(', ')}])[1 + i % ${allowed.length}]`
  switch (type) {
    case 'text':
    case 'character varying':
      return `'${refersTo ?? table} ' || (${number})`
    case 'bigint':
    case 'smallint':
    case 'integer':
    case 'double precision':
      return number
    case 'boolean':
      return 'i % 2 = 0'
    case 'bytea':
      return `sha256(('${refersTo ?? table} ' || (${number}))::bytea)`
    case 'uuid':
      return `md5((${number})::text)::uuid`
    case 'timestamp with time zone':
      return `now() + (i - ${size / 2}) * interval '1 minute'`
    case 'timestamp with time zone[]':
      return 'ARRAY[now()]'
    case 'text[]':
      return `ARRAY['value ' || (${number})]`
    case 'bigint[]':
      return `ARRAY[${number}]`
    case 'jsonb':
      return `'{}'::jsonb`
    default:
      throw new Error(
        `${table}.${name} is of the type ${type}: say in test/statements/grow-tables.ts what to fill it with.`,
      )
  }
}

const columnsOf = `
  SELECT relname AS table, attname AS name, format_type(atttypid, NULL) AS type, attidentity <> '' AS identity,
    NOT attnotnull AS nullable,
    EXISTS (SELECT FROM pg_index WHERE indrelid = pg_class.oid AND indisunique AND indnkeyatts = 1
              AND pg_get_indexdef(indexrelid, 1, true) ~ ('\\m' || attname || '\\M')) AS unique,
    (SELECT max(array_position(indkey::int2[], attnum)) + 1 FROM pg_index
     WHERE indrelid = pg_class.oid AND indisunique AND indnkeyatts > 1) AS place,
    (SELECT confrelid::regclass::text FROM pg_constraint
     WHERE conrelid = pg_class.oid AND contype = 'f' AND conkey = ARRAY[attnum]) AS "refersTo",
    (SELECT pg_get_constraintdef(oid) FROM pg_constraint
     WHERE conrelid = pg_class.oid AND contype = 'c' AND conkey = ARRAY[attnum] LIMIT 1) AS check
  FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
  WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND attnum > 0 AND NOT attisdropped
    AND attgenerated = '' AND NOT relname = ANY ($1)
  ORDER BY relname, attnum`

const dropConstraintsAndTriggers = `
  DO $$
  DECLARE doomed record;
  BEGIN
    FOR doomed IN SELECT conrelid::regclass AS "table", conname AS name FROM pg_constraint
                  WHERE connamespace = current_schema()::regnamespace AND contype IN ('c', 'f')
    LOOP EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', doomed."table", doomed.name); END LOOP;
    FOR doomed IN SELECT tgrelid::regclass AS "table", tgname AS name FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
                  WHERE relnamespace = current_schema()::regnamespace AND NOT tgisinternal
    LOOP EXECUTE format('DROP TRIGGER %I ON %s', doomed.name, doomed."table"); END LOOP;
  END $$`

const indexesToBuild = `
  SELECT indexrelid::regclass AS name, pg_get_indexdef(indexrelid) AS definition FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
  WHERE relnamespace = current_schema()::regnamespace AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)`
