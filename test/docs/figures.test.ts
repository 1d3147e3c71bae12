import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { packageFolder } from '../../src/platform/config/installation-folder.ts'
import { activationDelay, readSettings, type SettingsError } from '../../src/platform/config/settings.ts'
import { newRequestId } from '../../src/platform/http/request-context.ts'
import { inWords } from './key-timeline.ts'

const folder = join(packageFolder, 'docs')
const pages = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.md'))
  .map((name) => ({ name, text: readFileSync(join(folder, name), 'utf8') }))
const pageOf = (name: string) => pages.find((page) => page.name === name)?.text ?? ''

/** The value of a sum such as `2 × SIGNET_A + SIGNET_B`, with durations in seconds. */
function evaluate(formula: string, environment: Readonly<Record<string, string>>): number {
  const terms = formula.split(' + ').map((term) => /^(?:(\d+) × )?(SIGNET_\w+)$/.exec(term))
  return terms.reduce((sum, term) => {
    const seconds = Number(environment[term?.[2] ?? '']?.replace(/s$/, ''))
    if (!term || Number.isNaN(seconds)) throw new Error(`${formula} has a term that cannot be computed.`)
    return sum + Number(term[1] ?? 1) * seconds
  }, 0)
}

// Chosen so that no other sum of them has the same value.
const environment = {
  SIGNET_JWKS_MAX_AGE: '301s',
  SIGNET_VERIFIER_CACHE: '43201s',
  SIGNET_CLOCK_SKEW: '37s',
  SIGNET_KEY_LEASE: '71s',
}

t.test('the activation delay is computed as settings.md and its error message say', async (t) => {
  const delay = activationDelay(readSettings(environment, '/nowhere'))
  const [, written = ''] = /published for `([^`]+)` before it signs/.exec(pageOf('settings.md')) ?? []
  t.equal(evaluate(written, environment), delay, written)
  try {
    readSettings({ ...environment, SIGNET_KEY_ROTATION_PERIOD: '12h' }, '/nowhere')
    t.fail('a rotation period that is too short is refused')
  } catch (error) {
    const [, inMessage = ''] = /\(([^()]+)\)\.$/.exec((error as SettingsError).faults[0] ?? '') ?? []
    t.equal(inMessage, written)
  }
  t.throws(() => evaluate('2 × SIGNET_JWKS_MAX_AGE + a day', environment), /cannot be computed/)
})

t.test('every page that states the default activation delay states this value', async (t) => {
  const delay = inWords(activationDelay(readSettings({}, '/nowhere')))
  const given = pages.flatMap(({ name, text }) =>
    [...text.matchAll(/\b\d+ h \d+ min\b/g)].map(([words]) => ({ name, words })),
  )
  t.ok(given.length >= 4)
  for (const { name, words } of given) t.equal(words, delay, name)
})

t.test('request ids in examples have the format that Signet generates', async (t) => {
  const form = /^[0-9a-f]{16}$/
  t.match(newRequestId(), form)
  const examples = pages.flatMap(({ name, text }) =>
    [...text.matchAll(/(?:x-request-id: |request_id(?:=|%3D)|events show )([\w-]{12,})/g)].map(([, id = '']) => ({
      name,
      id,
    })),
  )
  t.ok(examples.length >= 8)
  for (const { name, id } of examples) t.match(id, form, name)
})
