import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { packageFolder } from '../../src/platform/config/installation-folder.ts'
import { type NewFactor, type RecoveryProof, recoveryNeeds } from '../../src/records/accounts/recovery-rule.ts'

const page = readFileSync(join(packageFolder, 'docs/people.md'), 'utf8')

const kinds = { 'a passkey': 'passkey', 'one-time codes': 'totp', 'recovery codes': 'recovery_codes' } as const
const words: Record<Exclude<RecoveryProof, 'earlier_password'>, string> = {
  passkey: 'the passkey',
  totp: 'a one-time code',
  recovery_code: 'a recovery code',
}

t.test('the table of what can be recovered with what says what the rule does, for every set of factors', async (t) => {
  const [, section = ''] = page.split('### Which factor can replace which')
  const [table = ''] = section.split('\n\n').filter((part) => part.startsWith('|'))
  const rows = table
    .split('\n')
    .slice(2)
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
  const documented = new Map(rows.map(([has = '', ...needs]) => [has, needs]))
  const subsets = [...Array(8).keys()].map((bits) => Object.keys(kinds).filter((_, index) => bits & (1 << index)))
  // Recovery codes alone stand in for nothing.
  const sets = subsets.filter((names) => names.join() !== 'recovery codes')
  t.same([...documented.keys()].sort(), sets.map((names) => names.join(', ') || 'nothing else').sort())
  for (const names of sets)
    for (const passwordSignIn of ['on', 'off'] as const)
      for (const [index, wanted] of (['password', 'passkey'] satisfies NewFactor[]).entries()) {
        const credentials = names.map((name) => ({
          kind: kinds[name as keyof typeof kinds],
          factorsSince: new Date(0),
        }))
        const needs = recoveryNeeds(credentials, { passwordSignIn }, wanted, Date.now())
        const expected =
          needs?.map((proof) => (proof === 'earlier_password' ? '' : words[proof])).join(', ') ?? 'nothing'
        t.equal(documented.get(names.join(', ') || 'nothing else')?.[index], expected, `${names.join(', ')}: ${wanted}`)
      }
})
