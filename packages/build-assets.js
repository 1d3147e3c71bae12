// Writes to dist/assets/ what browsers load from an installed package: the password estimator of @zxcvbn-ts, as one script. It is large, so it is
// compressed here, once. The package is needed for the build only.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'

const { resolve } = createRequire(import.meta.url)

/** The builds for browsers lie beside the entry points. They define `zxcvbnts.core` and `zxcvbnts['language-common']`. */
const parts = ['@zxcvbn-ts/core', '@zxcvbn-ts/language-common'].map((name) => {
  const script = readFileSync(join(dirname(resolve(name)), 'zxcvbn-ts.js'), 'utf8')
  return script.replace(/^\/\/# sourceMappingURL=.*$/gm, '').trim()
})

/** What the builds contain. Their licences ask for their text to be included. */
const licences = ['core/LICENSE.txt', 'dictionary-compression/LICENSE', '../fastest-levenshtein/LICENSE.md'].map(
  (file) => readFileSync(join(dirname(resolve('@zxcvbn-ts/core')), '../..', file), 'utf8').trim(),
)

const bytes = Buffer.from(`/*\n${licences.join('\n\n')}\n*/\n${parts.join('\n')}\n`)
const folder = join(import.meta.dirname, '../dist/assets')
mkdirSync(folder, { recursive: true })
writeFileSync(join(folder, 'zxcvbn.js'), bytes)
writeFileSync(join(folder, 'zxcvbn.js.gz'), gzipSync(bytes, { level: 9 }))
const params = { [constants.BROTLI_PARAM_LGWIN]: 22, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length }
writeFileSync(join(folder, 'zxcvbn.js.br'), brotliCompressSync(bytes, { params }))
