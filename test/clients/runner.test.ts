import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import t from 'tap'
import { packageFolder } from '../../src/platform/config/installation-folder.ts'

const folder = join(packageFolder, 'test/clients')

/** Starts a program that uses the functions of the runner. */
const start = (program: string) =>
  spawn(process.execPath, ['--input-type=module', '-e', `import * as commands from './commands.js'\n${program}`], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
  })

async function outputOf(child: ReturnType<typeof start>): Promise<string> {
  const chunks: Buffer[] = []
  child.stdout.on('data', (chunk) => chunks.push(chunk))
  await once(child, 'close')
  return Buffer.concat(chunks).toString()
}

t.test('the runner ends after an application that never answered', async (t) => {
  const child = start(`
    const application = commands.startProgram(['false'], { cwd: '.', env: process.env })
    await commands.answers('http://127.0.0.1:1/', application).catch(({ message }) => console.log(message))
  `)
  t.match(await outputOf(child), 'The program has ended')
  t.equal(child.exitCode, 0)
})

t.test('the runner ends after an application that did not answer in time', async (t) => {
  const child = start(`
    const application = commands.startProgram(['sleep', '600'], { cwd: '.', env: process.env })
    const answered = commands.answers('http://127.0.0.1:1/', application)
    await commands.before(Date.now(), answered, 'the start').catch(({ message }) => console.log(message))
    await application.stop()
  `)
  t.equal(await outputOf(child), 'no time left for: the start\n')
  t.equal(child.exitCode, 0)
})

t.test('a signal lets the runner stop what it has started, and the run fails', async (t) => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    const child = start(`
      const application = commands.startProgram(['sleep', '600'], { cwd: '.', env: process.env })
      setTimeout(() => console.log('waiting'))
      await commands.before(Date.now() + 600_000, application.ended, 'x').catch(({ message }) => console.log(message))
      await application.stop()
      console.log('stopped')
    `)
    child.stdout.once('data', () => child.kill(signal))
    t.equal(await outputOf(child), 'waiting\ninterrupted\nstopped\n')
    t.equal(child.exitCode, 1)
  }
})

t.test('a time that is no number is refused, and does not skip everything', async (t) => {
  for (const minutes of ['abc', '', '-1', '100000']) {
    const { status, stderr } = spawnSync(process.execPath, ['run.js', `--minutes=${minutes}`], {
      cwd: folder,
      encoding: 'utf8',
    })
    t.equal(status, 2, minutes)
    t.match(stderr, '--minutes must be a number from 0 to 1440')
  }
})

t.test('the APIs of the trials have different scopes, because a scope belongs to one API', async (t) => {
  const child = spawn(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      `import { readTrials } from './trials.js'
       console.log(JSON.stringify(readTrials().flatMap(({ resource }) => resource?.scopes ?? [])))`,
    ],
    { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const scopes: string[] = JSON.parse(await outputOf(child))
  t.ok(scopes.length > 1)
  t.same(scopes, [...new Set(scopes)])
})
