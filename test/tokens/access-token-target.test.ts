import t from 'tap'
import type { Client } from '../../src/records/clients/client.ts'
import { chooseTarget } from '../../src/tokens/access-token-target.ts'

const issuer = 'https://id.example'
const [invoices, mail] = ['https://invoices.example', 'https://mail.example']

const resource = (identifier: string, scopes: string[]) => ({
  identifier,
  name: undefined,
  scopes,
  accessTokenTtl: undefined,
  accessTokenSigningAlg: 'ES256' as const,
  scopeDescriptions: [],
  servedBy: [],
  userinfoAudience: false,
  groupsClaim: false,
})
const client = { allowed: [resource(invoices, ['invoices:read']), resource(mail, ['mail:send'])] } as unknown as Client

const choose = (scopes: string[], requested: string[], granted: string[]) => {
  try {
    const { target, scopes: kept } = chooseTarget(client, scopes, requested, granted, issuer)
    return [target.kind === 'issuer' ? issuer : target.resource.identifier, ...kept]
  } catch (error) {
    return (error as { entry: string }).entry
  }
}

t.test('a token is never for a resource that was not granted', async (t) => {
  t.equal(choose(['openid'], [invoices], []), 'resource_not_granted', 'neither it nor a scope of it was granted')
  t.equal(choose(['openid', 'mail:send'], [invoices], []), 'resource_not_granted')
  t.equal(choose(['openid', 'invoices:read'], [invoices], [mail]), 'resource_not_granted', 'another one was granted')
  t.equal(choose([], ['https://unknown.example'], []), 'resource_not_granted')
  t.equal(choose(['invoices:read', 'mail:send'], [], []), 'resource_ambiguous')
  t.equal(choose(['invoices:read', 'mail:send'], [invoices, mail], []), 'resource_doubled')
})

t.test('a token is for the intended resource, with the scopes that have a meaning there', async (t) => {
  t.same(choose(['openid', 'invoices:read'], [], []), [invoices, 'invoices:read'], 'the owner of the scopes')
  t.same(choose(['openid', 'invoices:read', 'mail:send'], [mail], []), [mail, 'mail:send'], 'the requested one')
  t.same(choose(['openid'], [invoices], [invoices]), [invoices], 'a granted one, though it has no scopes to grant')
  t.same(choose(['openid'], [], [invoices]), [invoices], 'the only one that was granted')
  t.same(choose(['openid', 'invoices:read'], [issuer], []), [issuer, 'openid'], 'the issuer, for userinfo')
  t.same(choose(['openid', 'email'], [], []), [issuer, 'openid', 'email'])
})
