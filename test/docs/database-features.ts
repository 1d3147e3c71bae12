import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { parseSync, Visitor } from 'oxc-parser'
import { packageFolder } from '../../src/platform/config/installation-folder.ts'

interface Feature {
  readonly name: string
  /** What a statement that uses it contains. */
  readonly pattern: RegExp
}

/** What a distributed PostgreSQL may do in another way, or not at all. docs/scale.md has a row about each. */
export const features: readonly Feature[] = [
  { name: 'LISTEN and NOTIFY', pattern: /^LISTEN\s|\bpg_notify\(/ },
  { name: 'advisory locks', pattern: /\bpg_(?:try_)?advisory_/ },
  { name: 'identity columns (sequences)', pattern: /\bAS IDENTITY\b|\bnextval\(|\b(?:big|small)?serial\b/i },
  { name: 'foreign keys', pattern: /\bREFERENCES\b/ },
  {
    name: 'unique constraints and indexes, primary keys excepted',
    pattern: /\bCREATE UNIQUE INDEX\b|\bUNIQUE\b(?! INDEX)/,
  },
  { name: 'triggers', pattern: /\bCREATE TRIGGER\b/ },
  { name: 'triggers with a transition table', pattern: /\bREFERENCING (?:OLD|NEW) TABLE\b/ },
  { name: 'functions in SQL and PL/pgSQL', pattern: /\bCREATE (?:OR REPLACE )?FUNCTION\b/ },
  { name: '`FOR UPDATE`, `FOR NO KEY UPDATE`', pattern: /\bFOR (?:NO KEY )?UPDATE\b/ },
  { name: '`FOR SHARE`, `FOR KEY SHARE`', pattern: /\bFOR (?:KEY )?SHARE\b/ },
  { name: '`SKIP LOCKED`', pattern: /\bSKIP LOCKED\b/ },
  { name: '`LOCK TABLE`', pattern: /\bLOCK TABLE\b/ },
  {
    name: 'CTEs that change data',
    pattern:
      /\bAS (?:MATERIALIZED )?\(\s*(?:WITH|INSERT INTO|UPDATE|DELETE FROM)\b|\bWITH\b[^;]*\b(?:INSERT INTO|UPDATE|DELETE FROM)\b/,
  },
  { name: 'recursive CTEs', pattern: /\bWITH RECURSIVE\b/ },
  { name: '`ON CONFLICT`', pattern: /\bON CONFLICT\b/ },
  {
    name: '`clock_timestamp()` in a change',
    pattern: /\b(?:INSERT INTO|UPDATE)\b[^;]*\bclock_timestamp\(\)|\bDEFAULT clock_timestamp\(\)/,
  },
  { name: 'system columns (`ctid`, `xmin`)', pattern: /\b(?:ctid|xmin|xmax)\b/ },
  { name: 'GIN indexes', pattern: /\bUSING gin\b/ },
  { name: '`SET LOCAL`, `set_config`', pattern: /\bSET LOCAL\b|\bset_config\(/ },
  { name: 'temporary files', pattern: /\btemp_tablespaces\b/ },
  { name: 'the queue of graphile-worker', pattern: /^graphile-worker$|\badd_jobs?\(/ },
  { name: 'deferrable constraints', pattern: /\bDEFERRABLE\b/ },
  { name: 'temporary and unlogged tables', pattern: /\b(?:TEMP|TEMPORARY|UNLOGGED) TABLE\b/ },
  { name: 'serializable or repeatable read transactions', pattern: /\bSERIALIZABLE\b|\bREPEATABLE READ\b/ },
]

/** The files of the migrations and of src/ whose SQL uses a feature, as docs/scale.md names them. */
export function filesWith({ pattern }: Feature): string[] {
  return texts.filter(({ statements }) => statements.some((text) => pattern.test(text))).map(({ file }) => file)
}

/** The generated table: each feature and the files that use it. */
export function databaseFeaturesTable(): string {
  return ['| feature | migrations | files in `src/` |', '| --- | --- | --- |', ...features.map(row)].join('\n')
}

function row(feature: Feature): string {
  const files = filesWith(feature)
  const migrations = files.filter((file) => file.endsWith('.sql')).map((file) => basename(file).slice(0, 3))
  const sources = files.filter((file) => !file.endsWith('.sql')).map((file) => `\`${basename(file, '.ts')}\``)
  return `| ${feature.name} | ${migrations.join(' ') || '–'} | ${sources.join(' ') || '–'} |`
}

const texts: readonly { readonly file: string; readonly statements: readonly string[] }[] = [
  ...namesIn('sql', /\.sql$/).map((file) => ({ file, statements: [withoutComments(read(file))] })),
  ...namesIn('src', /\.tsx?$/).map((file) => ({ file, statements: textsOf(file, read(file)) })),
]

function read(file: string): string {
  return readFileSync(join(packageFolder, file), 'utf8')
}

function namesIn(folder: string, names: RegExp): string[] {
  return readdirSync(join(packageFolder, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => names.test(file))
    .map((file) => join(folder, file))
    .sort()
}

/** SQL without what follows `--` on a line. No string in the migrations and stores contains it. */
function withoutComments(sql: string): string {
  return sql.replaceAll(/--.*$/gm, '')
}

/** All strings of a program, each template with a blank for each inserted value. */
function textsOf(file: string, source: string): string[] {
  const found: string[] = []
  new Visitor({
    Literal: ({ value }) => {
      if (typeof value === 'string') found.push(value)
    },
    TemplateLiteral: ({ quasis }) => {
      found.push(withoutComments(quasis.map(({ value }) => value.cooked ?? value.raw).join(' ')))
    },
  }).visit(parseSync(file, source).program)
  return found
}
