// Writes to dist/assets/ what browsers load from an installed package: the password estimator of @zxcvbn-ts, as one script, and @simplewebauthn/browser. Both
// are packages that are needed for the build only. The scripts are compressed here, once.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'

const { resolve } = createRequire(import.meta.url)

/** The builds for browsers lie beside the entry points. They define `zxcvbnts.core` and `zxcvbnts['language-common']`. */
const estimator = ['@zxcvbn-ts/core', '@zxcvbn-ts/language-common'].map((name) =>
  join(dirname(resolve(name)), 'zxcvbn-ts.js'),
)
const ofEstimator = ['core/LICENSE.txt', 'dictionary-compression/LICENSE', '../fastest-levenshtein/LICENSE.md'].map(
  (file) => join(dirname(resolve('@zxcvbn-ts/core')), '../..', file),
)
write('estimator/zxcvbn.js', ofEstimator, estimator)

/** It defines `SimpleWebAuthnBrowser`. */
const webauthn = join(dirname(resolve('@simplewebauthn/browser')), '..')
write('webauthn/webauthn.js', [join(webauthn, 'LICENSE.md')], [join(webauthn, 'dist/bundle/index.umd.min.js')])

/**
 * @param {string} file below dist/assets/
 * @param {string[]} licences files: the licences of the packages ask for their text to be included
 * @param {string[]} parts files
 */
function write(file, licences, parts) {
  const read = (/** @type {string} */ path) => readFileSync(path, 'utf8')
  const texts = licences.map((path) => read(path).trim())
  const scripts = parts.map((path) =>
    read(path)
      .replace(/^\/\/# sourceMappingURL=.*$/gm, '')
      .trim(),
  )
  const bytes = Buffer.from(`/*\n${texts.join('\n\n')}\n*/\n${scripts.join('\n')}\n`)
  const path = join(import.meta.dirname, '../dist/assets', file)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, bytes)
  writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }))
  const params = { [constants.BROTLI_PARAM_LGWIN]: 22, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length }
  writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params }))
}
