import t from 'tap'
import { readSettings } from '../../../src/platform/config/settings.ts'
import { canonicalEmail } from '../../../src/records/accounts/canonical-names.ts'
import { allowedEndings, isAllowedDomain } from '../../../src/records/accounts/sign-up-domains.ts'

const settingsWith = (domains: string) =>
  readSettings({ SIGNET_EMAIL_VERIFICATION: 'required', SIGNET_SIGN_UP_DOMAINS: domains }, '/nowhere')

/** Whether somebody can sign up with an address as it was typed. */
const isAccepted = (domains: string, typed: string) => {
  const email = canonicalEmail(typed)
  return email !== undefined && isAllowedDomain(settingsWith(domains), email)
}

t.test('a domain that only looks like an allowed one is not allowed', async (t) => {
  for (const address of [
    'ada@example.com.evil.example',
    'ada@evil-example.com',
    'ada@evilexample.com',
    'ada@sub.example.com',
    'ada@com',
    'ada@example.co',
    'ada@example.com.',
    'ada@\u0435xample.com', // Cyrillic е
    'ada@exаmple.com', // Cyrillic а
    'ada@exam\u200bple.com',
    'ada@exam\u00adple.com',
    'ada@evil.example@example.com',
    'ada@evil.example\u0000@example.com',
    'ada@evil.example#@example.com',
    'ada@evil.example/.example.com',
    'ada@evil.example%40example.com',
    '"ada@evil.example"@example.com',
    '(@example.com)ada@evil.example',
    'ada@[192.0.2.1]',
    '@example.com',
    'example.com',
  ])
    t.equal(isAccepted('example.com', address), false, JSON.stringify(address))
})

t.test('all spellings of an allowed domain are allowed', async (t) => {
  for (const address of [
    'ada@example.com',
    'ADA@EXAMPLE.COM',
    'ada+signet@Example.Com',
    'ada＠example.com',
    'ada@ｅxample.com',
  ])
    t.equal(isAccepted('Example.com', address), true, address)
  for (const domains of ['bücher.example', 'xn--bcher-kva.example', 'BÜCHER.example', 'bu\u0308cher.example'])
    for (const domain of ['bücher.example', 'xn--bcher-kva.example', 'XN--BCHER-KVA.example', 'bu\u0308cher.example'])
      t.equal(isAccepted(domains, `ada@${domain}`), true, `${domain} of ${domains}`)
  t.equal(isAccepted('example.org,example.com', 'ada@example.com'), true)
})

t.test('every accepted domain of the setting is the domain of an address, in the same form', async (t) => {
  const domains =
    'example.com,a.b.c.example,bücher.example,straße.example,xn--bcher-kva.example,ЕХАМРLЕ.example,例え.example'
  for (const domain of settingsWith(domains).signUpDomains) t.equal(canonicalEmail(`a@${domain}`), `a@${domain}`)
})

t.test('without the setting, all domains are allowed', async (t) => {
  t.equal(isAllowedDomain(readSettings({}, '/nowhere'), 'ada@anything.example'), true)
  t.same(allowedEndings(readSettings({}, '/nowhere')), [])
})

t.test('people read domains in their own script', async (t) => {
  t.same(allowedEndings(settingsWith('example.com,bücher.example')), ['@example.com', '@bücher.example'])
})
