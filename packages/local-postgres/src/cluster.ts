import { randomBytes } from 'node:crypto'
import { chmod, chown, lstat, mkdir, mkdtemp, open, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeFolderAtomically } from './atomic-folder.ts'
import type { Account, Home } from './home.ts'
import { LocalPostgresError } from './operator-messages.ts'
import { runProgram } from './postgres-program.ts'
import { type PostgresqlPackage, prepareRuntime } from './runtime.ts'

/** A database cluster and the files that belong to it. */
export interface Cluster {
  /** PostgreSQL's data folder. */
  readonly data: string
  /** The folder of the server's Unix socket. */
  readonly run: string
  readonly log: string
  readonly credentials: Credentials
}

export interface Credentials {
  /** The password of `postgres`, the superuser. */
  readonly superuserPassword: string
  /** The password of `signet`, the role that owns the database `signet` and nothing else. */
  readonly applicationPassword: string
}

/**
 * Finds the cluster, or creates it atomically: initdb, the role and the database.
 *
 * @throws LocalPostgresError if the existing folder cannot be used
 */
export async function ensureCluster(home: Home, runtime: string, source: PostgresqlPackage): Promise<Cluster> {
  const folder = join(home.base, 'postgresql')
  if (!(await lstat(folder).catch(() => undefined)))
    await makeFolderAtomically(home.base, 'postgresql', (making) => createCluster(making, home, runtime, source))
  await checkVersion(folder, source)
  return {
    data: join(folder, 'data'),
    run: join(folder, 'run'),
    log: join(folder, 'server.log'),
    credentials: await readCredentials(join(folder, 'credentials.json')),
  }
}

async function readCredentials(path: string): Promise<Credentials> {
  const text = await readFile(path, 'utf8')
  try {
    return JSON.parse(text) as Credentials
  } catch {
    // The parser's message quotes the file.
    throw new LocalPostgresError(
      `${path} is damaged: restore it from a backup. The database cannot be opened without it.`,
    )
  }
}

async function checkVersion(folder: string, { major }: PostgresqlPackage): Promise<void> {
  const found = await readFile(join(folder, 'data', 'PG_VERSION'), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (found === undefined)
    throw new LocalPostgresError(
      `${folder} does not contain a PostgreSQL cluster. Move it away, or choose another SIGNET_DATA_DIR.`,
    )
  if (found.trim() !== major)
    throw new LocalPostgresError(
      `${folder} was written by PostgreSQL ${found.trim()}; this release of Signet includes PostgreSQL ${major}, ` +
        'which cannot read it. ' +
        'Start the release that wrote it, take a dump (pg_dump) and restore it into a new SIGNET_DATA_DIR; ' +
        'or restore it into a PostgreSQL of your own and set SIGNET_DATABASE_URL to it. Nothing was changed.',
    )
}

async function createCluster(folder: string, home: Home, runtime: string, source: PostgresqlPackage): Promise<void> {
  const credentials: Credentials = { superuserPassword: password(), applicationPassword: password() }
  // Other users may traverse the folder, but not list it: the server's account needs only its two folders.
  if (home.runAs) await chmod(folder, 0o711)
  const data = join(folder, 'data')
  await makeFolderOf(data, home.runAs)
  await makeFolderOf(join(folder, 'run'), home.runAs)
  await writeSecret(join(folder, 'credentials.json'), `${JSON.stringify(credentials, null, 2)}\n`, undefined)
  await initdb(data, join(folder, 'run', 'password'), credentials, home, runtime, source)
  await createDatabase(data, credentials, home, runtime)
}

async function initdb(
  data: string,
  passwordFile: string,
  credentials: Credentials,
  home: Home,
  runtime: string,
  source: PostgresqlPackage,
): Promise<void> {
  // initdb runs postgres through a shell, with the path in double quotes, where these characters have a special meaning.
  const temporary = /["$`\\\n]/.test(runtime) ? await mkdtemp(join(tmpdir(), 'signet-')) : undefined
  try {
    if (temporary && home.runAs) await chmod(temporary, 0o711)
    const programs = temporary ? await prepareRuntime(temporary, source) : runtime
    await writeSecret(passwordFile, credentials.superuserPassword, home.runAs)
    const args = [
      ...[
        `--pgdata=${data}`,
        '--username=postgres',
        `--pwfile=${passwordFile}`,
        '--auth=scram-sha-256',
        '--encoding=UTF8',
      ],
      // Collation by code point, from PostgreSQL itself: a new libc cannot change the sort order of an existing index.
      ...['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--no-instructions'],
    ]
    await runProgram({ path: join(programs, 'bin', 'initdb'), args, runAs: home.runAs })
  } finally {
    await rm(passwordFile, { force: true })
    if (temporary) await rm(temporary, { recursive: true, force: true })
  }
}

// In single-user mode there is no server yet that anyone could reach, and the password is sent through a pipe. The empty database that
// initdb has created is renamed; another one would be three hundred more files.
async function createDatabase(data: string, credentials: Credentials, home: Home, runtime: string): Promise<void> {
  const statements = [
    `CREATE ROLE signet LOGIN PASSWORD '${credentials.applicationPassword}'`,
    'ALTER DATABASE postgres RENAME TO signet',
    'ALTER DATABASE signet OWNER TO signet',
    'REVOKE ALL ON DATABASE signet FROM PUBLIC',
  ]
  const output = await runProgram(
    {
      path: join(runtime, 'bin', 'postgres'),
      // Otherwise the log would show a failed statement, including its password.
      args: ['--single', '-D', data, '-c', 'log_min_error_statement=panic', '-c', 'log_checkpoints=off', 'template1'],
      runAs: home.runAs,
    },
    `${statements.join('\n')}\n`,
  )
  // Its exit status is 0 even if a statement fails.
  if (/^.*(ERROR|FATAL|PANIC): /m.test(output))
    throw new LocalPostgresError(`The database could not be created:\n${output.trim()}`)
}

function password(): string {
  return randomBytes(32).toString('base64url')
}

async function makeFolderOf(folder: string, owner: Account | undefined): Promise<void> {
  await mkdir(folder, { mode: 0o700 })
  if (owner) await chown(folder, owner.uid, owner.gid)
}

async function writeSecret(path: string, text: string, owner: Account | undefined): Promise<void> {
  const handle = await open(path, 'wx', 0o600)
  try {
    await handle.writeFile(text)
    if (owner) await handle.chown(owner.uid, owner.gid)
    await handle.sync()
  } finally {
    await handle.close()
  }
}
