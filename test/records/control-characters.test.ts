import t from 'tap'
import { canonicalEmail, readUsername } from '../../src/records/accounts/canonical-names.ts'
import { checkProfile, readAddress } from '../../src/records/accounts/profile-rules.ts'
import { completeMetadata } from '../../src/records/clients/client-metadata.ts'
import { checkResource } from '../../src/records/resources/resource-rules.ts'

const terms = { resources: [], byOperator: true } as const
const uri = 'https://app.example/callback'
const client = (more: Record<string, unknown>) => completeMetadata({ redirect_uris: [uri], ...more }, terms)
const resource = (more: object) =>
  checkResource(
    {
      ...{
        identifier: 'https://api.example',
        name: undefined,
        scopes: [],
        scopeDescriptions: [],
        accessTokenTtl: undefined,
      },
      ...{
        accessTokenSigningAlg: 'ES256',
        servedBy: [],
        userinfoAudience: false,
        groupsClaim: false,
        selfRegisteredClients: false,
        ...more,
      },
    },
    'https://id.example',
    [],
  )
const refuseUnless = (fits: boolean) => {
  if (!fits) throw new Error('It does not match.')
}

/** Everything that accepts a single-line text, with a valid value. */
const takers: Record<string, [good: string, take: (text: string) => unknown]> = {
  client_name: ['Notes', (text) => client({ client_name: text })],
  contacts: ['a@example.com', (text) => client({ contacts: [text] })],
  redirect_uris: [uri, (text) => client({ redirect_uris: [text] })],
  'redirect_uris of an app': [
    'com.example.a:/b',
    (text) => client({ token_endpoint_auth_method: 'none', redirect_uris: [text] }),
  ],
  client_uri: ['https://app.example/', (text) => client({ client_uri: text })],
  'scope of a client': ['openid', (text) => client({ scope: text })],
  'a resource': ['https://api.example/x', (text) => resource({ identifier: text })],
  'a resource that is a URN': ['urn:example:api', (text) => resource({ identifier: text })],
  'the name of a resource': ['Invoices', (text) => resource({ name: text })],
  'a scope of a resource': ['read', (text) => resource({ scopes: [text] })],
  'an e-mail address': ['a@example.com', (text) => refuseUnless(canonicalEmail(text) !== undefined)],
  'a user name': ['ada', (text) => refuseUnless('username' in readUsername(text))],
  ...Object.fromEntries(
    Object.entries({
      ...{ name: 'Ada', given_name: 'Ada', family_name: 'L', middle_name: 'K', nickname: 'A', gender: 'x' },
      ...{
        profile: uri,
        picture: uri,
        website: uri,
        birthdate: '1990-12-31',
        zoneinfo: 'Europe/Zurich',
        locale: 'de-CH',
      },
      ...{ phone_number: '+41 44 123 45 67' },
    }).map(([claim, good]) => [`the claim ${claim}`, [good, (text: string) => checkProfile({ [claim]: text })]]),
  ),
  ...Object.fromEntries(
    ['postal_code', 'locality', 'region', 'country'].map((member) => [
      `address.${member}`,
      ['Somewhere', (text: string) => readAddress(JSON.stringify({ [member]: text }))],
    ]),
  ),
}

for (const [name, [good, take]] of Object.entries(takers))
  t.test(`no control character is accepted in: ${name}`, async (t) => {
    t.doesNotThrow(() => take(good), good)
    for (const control of ['\t', '\r', '\n', '\r\n', '\u0000', '\u001b', '\u007f', '\u0085', '\u2028', '\u202e'])
      for (const text of [`${good}${control}`, `${control}${good}`, `${good.slice(0, 1)}${control}${good.slice(1)}`])
        t.throws(() => take(text), encodeURIComponent(text))
  })

t.test(
  'a postal address may have several lines (OpenID Connect Core §5.1.1), but no other control characters',
  async (t) => {
    for (const member of ['formatted', 'street_address']) {
      const read = (text: string) => readAddress(JSON.stringify({ [member]: text }))
      for (const text of ['1 Way\nTown', '1 Way\r\nTown\r\nLand']) t.same(read(text), { [member]: text })
      for (const text of ['1 Way\rTown', '1 Way\tTown', '1 Way\u0085Town', '\n', '1 Way\u2028Town'])
        t.throws(() => read(text))
    }
  },
)
