import { lutimes, mkdir, mkdtemp, rm, symlink, utimes } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A path to the folder of the server's socket. It does not change while this process uses it. */
export interface SocketFolder {
  readonly path: string
  close(): Promise<void>
}

/**
 * Finds a short path to the socket's folder. The path of a Unix socket can have at most 107 bytes (103 on a Mac; unix(7), sun_path). If the
 * server's is longer, this process uses a link in the folder for temporary files, in a folder that only this user can enter.
 *
 * @param run the folder of the server's socket
 */
export async function openSocketFolder(run: string): Promise<SocketFolder> {
  if (fits(run)) return { path: run, close: async () => {} }
  const folder = await mkdtemp(join(tmpdir(), 'signet-'))
  const link = join(folder, 'run')
  await symlink(run, link)
  // Systems delete files from the temporary folder that have not been touched for days.
  const keepAlive = setInterval(() => void touch(folder, link, run).catch(() => {}), 3_600_000).unref()
  return {
    path: link,
    close: async () => {
      clearInterval(keepAlive)
      await rm(folder, { recursive: true, force: true })
    },
  }
}

function fits(folder: string): boolean {
  return Buffer.byteLength(`${folder}/.s.PGSQL.5432`) <= (process.platform === 'linux' ? 107 : 103)
}

async function touch(folder: string, link: string, run: string): Promise<void> {
  const now = new Date()
  try {
    await lutimes(link, now, now)
    await utimes(folder, now, now)
  } catch {
    await mkdir(folder, { mode: 0o700 }).catch(() => {})
    await symlink(run, link)
  }
}
