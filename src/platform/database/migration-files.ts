import { readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Client } from 'pg'
import Postgrator from 'postgrator'

/** The database's shape and this release do not go together. The message tells the operator what to do. */
export class MigrationError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'MigrationError'
  }
}

export type Migration = Postgrator.Migration

export interface Migrations {
  /** In order; the version of each is its place, counted from 1. */
  readonly known: readonly Migration[]
  /** Runs a migration's script and inserts the record of it, in the transaction that the caller has begun. */
  run(migration: Migration): Promise<void>
}

/** What `schema_migrations` says about a migration that was applied. */
export interface Recorded {
  readonly version: number
  readonly name: string
  readonly md5: string
}

/**
 * Reads the numbered files of a folder.
 *
 * @param client runs the scripts
 * @throws MigrationError if a file has no proper name, a number is missing or there is no file at all
 */
export async function readMigrations(client: Client, schema: string, folder: string): Promise<Migrations> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.sql')).sort()
  for (const file of files)
    if (!/^\d{3}\.do\.[a-z0-9-]+\.sql$/.test(file))
      throw new MigrationError(`${join(folder, file)} is not named as a migration is: 001.do.what-it-does.sql.`)
  if (files.length === 0) throw new MigrationError(`${folder} holds no migrations: the installation is incomplete.`)
  const postgrator = new Postgrator({
    driver: 'pg',
    // With its schema, or postgrator would find a table of this name in any other. SQL in the files names none.
    schemaTable: `${schema}.schema_migrations`,
    // This is a glob pattern, and the folder's name may contain characters that are special in one.
    migrationPattern: `${folder.replace(/[?*()[\]{}!+@\\]/g, '\\$&')}/*.sql`,
    newline: 'LF',
    execQuery: (text) => client.query(text),
    execSqlScript: (script) => runScript(client, script),
  })
  const known = (await postgrator.getMigrations()).sort((a, b) => a.version - b.version)
  known.forEach(({ version }, index) => {
    if (version !== index + 1) throw new MigrationError(`The migrations in ${folder} have a gap before ${version}.`)
  })
  return {
    known,
    run: async (migration) => {
      await postgrator.runMigrations([migration])
    },
  }
}

// The script comes first, and then postgrator adds the record: both must be in the same transaction.
async function runScript(client: Client, script: string): Promise<void> {
  await client.query(script)
  if (client.getTransactionStatus() !== 'T')
    throw new MigrationError(
      'It ends its transaction by itself, which it must not (see sql/README.md). Some of it may have been kept.',
    )
}

/**
 * Compares the record with the files: what was applied must be what these files contain, in their order, without a gap.
 *
 * @throws MigrationError
 */
export function compare({ known }: Migrations, recorded: readonly Recorded[], schema: string): void {
  const newest = recorded.at(-1)?.version ?? 0
  if (newest > known.length)
    throw new MigrationError(
      `The schema ${schema} has version ${newest}; this release of Signet knows versions up to ${known.length}. ` +
        'It was migrated by a newer release: use that one. Nothing was changed.',
    )
  recorded.forEach(({ version, name, md5 }, index) => {
    const file = known[index]!
    if (version !== file.version || md5 !== file.md5)
      throw new MigrationError(
        `Migration ${version} (${name}) was applied to the schema ${schema} with different content than ` +
          `${basename(file.filename)} has now. ` +
          'A migration that has been applied must never change: restore the file and put the change into a new one.',
      )
  })
}
