// Run by `npm run build:tests`, after the compiler. Writes build/tap/: a file for each process that `npm test` starts. Most of what a small test
// file costs is the start of its process, so up to a dozen run in one, one after the other. Each file can still run alone.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { packageFolder } from '../src/platform/config/installation-folder.ts'

/** The first line of a file that changes or measures something of its process, or takes long. The rest of the line says what. */
const ownProcess = /^\/\/ Own process: \S/

/** More would save little, and one process would be busy while the others are done. */
const most = 12

const output = join(packageFolder, 'build/tap')
rmSync(output, { recursive: true, force: true })
mkdirSync(output, { recursive: true })

const files = readdirSync(join(packageFolder, 'test'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.test.ts'))
  .sort()
const isAlone = (file: string) => ownProcess.test(readFileSync(join(packageFolder, 'test', file), 'utf8'))
const together = files.filter((file) => !isAlone(file))

// They take longest, so they start first.
files.filter(isAlone).forEach((file, index) => {
  write(`1-${pad(index)}-${basename(file, '.test.ts')}`, `import '${compiled(file)}'\n`)
})
for (let start = 0; start < together.length; start += most) {
  const group = together.slice(start, start + most)
  const paths = group.map((file) => `  fileURLToPath(new URL('${compiled(file)}', import.meta.url)),\n`).join('')
  write(
    `2-${pad(start / most)}-${dirname(group[0] ?? '').split('/')[0]}`,
    `import { fileURLToPath } from 'node:url'
import { runTogether } from '../test/support/together.js'

await runTogether([\n${paths}])
`,
  )
}

function compiled(file: string): string {
  return `../test/${file.replace(/\.ts$/, '.js')}`
}

function pad(index: number): string {
  return String(index).padStart(2, '0')
}

function write(name: string, text: string): void {
  writeFileSync(join(output, `${name}.test.js`), text)
}
