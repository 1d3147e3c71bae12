import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { bearerRefusal, createVerifier, VerificationError, verificationErrorCodes } from 'signet-idp/verify'
import t from 'tap'
import { packageFolder } from '../../src/platform/config/installation-folder.ts'

const page = readFileSync(join(packageFolder, 'docs/verify.md'), 'utf8')

/** The cells of the table that follows a heading. */
function table(heading: string): string[][] {
  const section = page.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? ''
  const rows = section.split('\n').filter((line) => line.startsWith('|'))
  return rows.slice(2).map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
}

t.test('the page lists every error code in order, and how it is sent', async (t) => {
  const expected = verificationErrorCodes.map((code) => {
    const { status, headers } = bearerRefusal(new VerificationError(code, 'x'), 'realm')
    const error =
      /error="(\w+)"/.exec(headers['www-authenticate'] ?? '')?.[1] ?? (status === 503 && 'temporarily_unavailable')
    return [`\`${code}\``, error ? `${status} \`${error}\`` : String(status)]
  })
  t.strictSame(
    table('Error codes').map((row) => row.slice(0, 2)),
    expected,
  )
  for (const [code, , meaning] of table('Error codes')) t.ok(meaning, `${code} is explained`)
})

t.test('the page lists every option', async (t) => {
  let names: string[] = []
  try {
    createVerifier({ issuer: 'https://id.example.com', audience: 'x', ...{ misspelt: 1 } })
  } catch (error) {
    names = /The options are (.*)\.$/.exec((error as Error).message)?.[1]?.split(', ') ?? []
  }
  t.ok(names.length > 10)
  t.strictSame(
    table('Options').map(([name]) => name),
    names.map((name) => `\`${name}\``),
  )
})

t.test('unpublished packages are installed from a tarball, under the name that npm pack gives it', async (t) => {
  const { version } = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8')) as { version: string }
  t.match(page, `npm install ./signet-verify-${version}.tgz`)
  const texts = ['README.md', 'docs', 'examples', 'deploy', 'src', 'public', 'packages'].flatMap((name) => {
    const path = join(packageFolder, name)
    if (statSync(path).isFile()) return [{ name, text: readFileSync(path, 'utf8') }]
    return readdirSync(path, { recursive: true, encoding: 'utf8' })
      .filter((file) => /\.(?:md|tsx?|js|sh|ya?ml)$/.test(file))
      .map((file) => ({ name: `${name}/${file}`, text: readFileSync(join(path, file), 'utf8') }))
  })
  t.ok(texts.length > 250)
  t.same(
    texts.flatMap(({ name, text }) => (/npm i(?:nstall)? [^\n]*signet-(?:idp|verify)(?!-\d)/.test(text) ? [name] : [])),
    [],
  )
})

t.test('at run time the verifier needs only Node', async (t) => {
  const folder = join(packageFolder, 'packages/verify/src')
  const imported = readdirSync(folder).flatMap((file) => {
    const source = readFileSync(join(folder, file), 'utf8').replace(/^import type .*$/gm, '')
    return [...source.matchAll(/(?:from|import|import\()\s*'([^']+)'/g)].map(([, specifier = '']) => specifier)
  })
  t.ok(imported.length > 20)
  t.strictSame(
    imported.filter((specifier) => !/^(\.\/[\w-]+\.ts|node:\w+)$/.test(specifier)),
    [],
  )
})
