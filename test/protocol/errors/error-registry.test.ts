import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { packageFolder } from '../../../src/platform/config/installation-folder.ts'
import { errorNames, errorRegistry } from '../../../src/protocol/errors/error-registry.ts'
import { errorUri, OAuthError } from '../../../src/protocol/errors/oauth-error.ts'

const sources = join(packageFolder, 'src')
const registry = 'protocol/errors/error-registry.ts'

/** The text of all sources except the registry itself. */
const code = readdirSync(sources, { recursive: true, encoding: 'utf8' })
  // The verifier has its own codes, for services: docs/verify.md.
  .filter((file) => /\.tsx?$/.test(file) && file !== registry && !file.startsWith('verify/'))
  .map((file) => readFileSync(join(sources, file), 'utf8'))
  .join('\n')

t.test('every registered error can occur: the code names it', async (t) => {
  for (const name of errorNames) t.ok(code.includes(`'${name}'`), name)
  t.notOk(code.includes(`'${'no_such_error'}'`), 'an unused name would be found')
})

t.test('only registered errors are sent: none is built with its own text', async (t) => {
  const built = [...code.matchAll(/new OAuthError\(\s*'([a-z_]+)'/g)].map(([, name]) => name)
  t.ok(built.length > 40, 'errors are found')
  t.same(
    built.filter((name) => !(errorNames as string[]).includes(name ?? '')),
    [],
  )
  t.notMatch(code, /error_description: ['"`]/, 'nor is one written by hand')
})

t.test('descriptions can be sent as they are, and each error says how to fix it', async (t) => {
  for (const name of errorNames) {
    const { description, fix, status } = errorRegistry[name]
    // RFC 6749 §5.2: %x20-21 / %x23-5B / %x5D-7E.
    t.match(description, /^[\x20-\x21\x23-\x5b\x5d-\x7e]+(?:[.]|\{\})$/, name)
    t.match(fix, /^[A-Z0-9a-z].{20,}\.$/, name)
    t.ok(status >= 400 && status < 600)
  }
  t.equal(
    new OAuthError('parameter_missing', { param: 'a"b\\\u00e9$&' }).message,
    "The parameter 'a'b'?$&' is missing.",
    'a value from a client can neither end the string nor act as a replacement pattern',
  )
  // RFC 6749 §5.2: %x21 / %x23-5B / %x5D-7E.
  t.match(errorUri('https://id.example', 'scope_malformed', 'abc_DEF-123'), /^[\x21\x23-\x5b\x5d-\x7e]+$/)
})
