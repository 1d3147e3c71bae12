import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { joinLocalPostgres } from '#local-postgres'

// A process that joins the embedded database in the given folder, reports so, and leaves when its standard input
// ends.
const dataDir = process.argv[2] as string
process.stdout.write('begun\n')
try {
  const { connection, data, leave } = await joinLocalPostgres({
    dataDir,
    allowRoot: true,
    log: { info: () => {}, warn: () => {} },
  })
  const pid = Number(readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')[0])
  process.stdout.write(`${JSON.stringify({ connection, data, pid })}\n`)
  process.stdin.resume().on('end', () => void leave())
} catch (error) {
  const { name, message } = error as Error
  process.stdout.write(`${JSON.stringify({ refused: `${name}: ${message}` })}\n`)
}
