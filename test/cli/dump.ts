import type { Queryable } from '../../src/platform/database/queryable.ts'

/**
 * Everything in a schema: tables, columns, indexes, functions, triggers, sequences and every row with its location (ctid) and the
 * transaction that wrote it (xmin). A row that was rewritten with the same values counts as changed.
 */
export async function dump(db: Queryable): Promise<unknown> {
  const { rows: shape } = await db.query({
    text: `SELECT 'relation' AS what, relname::text AS name, relkind::text AS text FROM pg_class WHERE relnamespace = current_schema()::regnamespace
           UNION ALL
           SELECT 'column', attrelid::regclass::text || '.' || attname, format_type(atttypid, atttypmod)
           FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid WHERE relnamespace = current_schema()::regnamespace AND attnum > 0
           UNION ALL
           SELECT 'function', proname, prosrc FROM pg_proc WHERE pronamespace = current_schema()::regnamespace
           UNION ALL
           SELECT 'trigger', tgname, pg_get_triggerdef(pg_trigger.oid) FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
           WHERE relnamespace = current_schema()::regnamespace
           ORDER BY 1, 2, 3`,
  })
  const named = shape as { what: string; name: string; text: string }[]
  const relations = (kind: string) => named.filter(({ what, text }) => what === 'relation' && text === kind)
  const contents: Record<string, unknown> = {}
  for (const { name } of relations('r'))
    contents[name] = (
      await db.query({
        text: `SELECT ctid::text, xmin::text, to_jsonb("${name}") AS value FROM "${name}" ORDER BY "${name}".ctid`,
      })
    ).rows
  for (const { name } of relations('S'))
    contents[name] = (await db.query({ text: `SELECT last_value::text, is_called FROM "${name}"` })).rows
  return { shape, contents }
}
