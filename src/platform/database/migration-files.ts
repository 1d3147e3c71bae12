import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** The schema does not match this release, or cannot be migrated. The message tells the operator what to do. */
export class MigrationError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'MigrationError'
  }
}

/** A migration: one numbered file. */
export interface Migration {
  /** Its number, counted from 1. */
  readonly version: number
  /** The name in its file name: `key-ring` for `006.do.key-ring.sql`. */
  readonly name: string
  /** The name of its file, without a folder. */
  readonly file: string
  readonly sql: string
  /** The digest of the text with LF line endings, so that it is the same in a checkout on Windows. Detects accidental changes, not malicious ones. */
  readonly md5: string
}

/** The record of an applied migration in `schema_migrations`. */
export type Recorded = Pick<Migration, 'version' | 'name' | 'md5'>

/**
 * Reads the numbered files of a folder, in order.
 *
 * @throws MigrationError if the name of a file is not valid, a number is missing or used twice, or there are no files
 */
export async function readMigrations(folder: string): Promise<readonly Migration[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.sql')).sort()
  if (files.length === 0) throw new MigrationError(`${folder} contains no migrations: the installation is incomplete.`)
  return Promise.all(
    files.map(async (file, index) => {
      const [, number, name] = /^(\d{3})\.do\.([a-z0-9-]+)\.sql$/.exec(file) ?? []
      if (number === undefined || name === undefined)
        throw new MigrationError(
          `${join(folder, file)} does not have the name of a migration, such as 001.do.what-it-does.sql.`,
        )
      const version = Number(number)
      if (version > index + 1) throw new MigrationError(`The migrations in ${folder} have a gap before ${version}.`)
      if (version <= index) throw new MigrationError(`The migrations in ${folder} have version ${version} twice.`)
      const sql = await readFile(join(folder, file), 'utf8')
      const md5 = createHash('md5').update(sql.replace(/\r\n?/g, '\n')).digest('hex')
      return { version, name, file, sql, md5 }
    }),
  )
}

/**
 * Compares the record with the files: the applied migrations must be the same as these files, in the same order, without gaps.
 *
 * @throws MigrationError
 */
export function compare(known: readonly Migration[], recorded: readonly Recorded[], schema: string): void {
  const newest = recorded.at(-1)?.version ?? 0
  if (newest > known.length)
    throw new MigrationError(
      `The schema ${schema} has version ${newest}; this release of Signet knows versions up to ${known.length}. ` +
        'It was migrated by a newer release: use that release. Nothing was changed.',
    )
  recorded.forEach(({ version, name, md5 }, index) => {
    const file = known[index]!
    if (version !== file.version || md5 !== file.md5)
      throw new MigrationError(
        `Migration ${version} (${name}) was applied to the schema ${schema} with different content than ` +
          `${file.file} has now. ` +
          'A migration that has been applied must never change: restore the file and put the change into a new one.',
      )
  })
}
