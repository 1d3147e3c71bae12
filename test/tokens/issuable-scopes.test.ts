import t from 'tap'
import type { PublicClient } from '../../src/records/clients/client.ts'
import type { GrantTerms } from '../../src/records/consents/consents-store.ts'
import {
  effectiveScopes,
  effectiveTokenScopes,
  type Grantable,
  issuableScopes,
} from '../../src/tokens/issuable-scopes.ts'

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
const all = ['openid', 'email', 'invoices:read', 'invoices:write', 'mail:send']
const client = {
  client_id: 'client',
  scope: all.join(' '),
  first_party: false,
  allowed: [resource(invoices, ['invoices:read', 'invoices:write']), resource(mail, ['mail:send'])],
} as unknown as PublicClient

const termsOf = (scopes: string[], consented: string[] | null = scopes, resources: string[] = []): GrantTerms => ({
  scopes,
  consent: consented && { scopes: consented, resources, claims: [] },
})
const grantOf = (scopes: string[], rest: Partial<Grantable> = {}): Grantable => ({
  scopes,
  resources: [],
  terms: termsOf(scopes),
  ...rest,
})

/** The audience and the scopes of the token, or the name of the error. */
function issued(
  grant: Grantable,
  asked: { scopes?: string[]; resource?: string[] } = {},
  by: Partial<PublicClient> = {},
): string[] | string {
  try {
    const request = { scopes: asked.scopes, resource: asked.resource ?? [] }
    const { target, scopes } = issuableScopes({ ...client, ...by }, grant, request, issuer)
    return [target.kind === 'issuer' ? issuer : target.resource.identifier, ...scopes]
  } catch (error) {
    return (error as { entry: string }).entry
  }
}

t.test('a scope is valid only while registration, owner, grant and consent all include it', async (t) => {
  const scopes = ['openid', 'invoices:read']
  const holds = (by: Partial<PublicClient>, terms: GrantTerms | undefined) =>
    effectiveScopes({ ...client, ...by }, scopes, terms)
  t.same(holds({ scope: 'openid' }, termsOf(scopes)), ['openid'], 'the registration lost it')
  t.same(holds({ allowed: [] }, termsOf(scopes)), ['openid'], 'no resource owns it')
  t.same(holds({}, termsOf(['openid'], scopes)), ['openid'], 'another resource owns it by now')
  t.same(holds({}, termsOf(scopes, ['openid'])), ['openid'], 'the person did not allow it')
  t.same(holds({}, termsOf(scopes, null)), [], 'there is no consent')
  t.same(holds({ first_party: true }, termsOf(scopes, null)), scopes, 'a first-party client needs no consent')
  t.same(holds({ first_party: true }, termsOf(['openid'], null)), ['openid'], 'but it still needs a grant')
  t.same(holds({}, undefined), scopes, 'client_credentials has no person to ask')
  t.same(holds({}, termsOf(scopes)), scopes)
})

t.test('nothing is issued if everything that was requested has been taken away', async (t) => {
  const lost = { terms: termsOf([]) }
  t.equal(issued(grantOf(['openid', 'email'], lost)), 'grant_scopes_taken', 'of the whole grant')
  t.equal(issued(grantOf(['openid', 'email'], lost), { scopes: ['email'] }), 'scope_taken', 'of what the request names')
  const some = { terms: termsOf(['openid']) }
  t.equal(issued(grantOf(['openid', 'email'], some), { scopes: ['email'] }), 'scope_taken', 'though others are valid')
})

t.test('a token whose scopes were all taken away is not replaced by one without scopes', async (t) => {
  const terms = termsOf(['openid'], ['openid'], [invoices, mail])
  const grant = grantOf(['openid', 'invoices:read'], { resources: [invoices], terms })
  t.equal(issued(grant, { resource: [invoices] }), 'grant_scopes_taken')
  t.same(issued(grant, { resource: [issuer] }), [issuer, 'openid'], 'another audience still works')
  const named = grantOf(['openid'], { resources: [invoices], terms })
  t.same(issued(named, { resource: [invoices] }), [invoices], 'without scopes only if none were requested')
})

t.test('a resource that the person did not allow gets no token', async (t) => {
  const scopes = ['openid', 'invoices:read']
  const grant = (allowed: string[]) =>
    grantOf(scopes, { resources: [invoices], terms: termsOf(scopes, scopes, allowed) })
  t.equal(issued(grant([]), { resource: [invoices] }), 'resource_not_granted')
  t.equal(issued(grant([mail]), { resource: [invoices] }), 'resource_not_granted')
  t.same(issued(grant([invoices]), { resource: [invoices] }), [invoices, 'invoices:read'])
  t.same(issued(grant([]), { resource: [invoices] }, { first_party: true }), [invoices, 'invoices:read'])
})

t.test('what is valid is issued, for one audience', async (t) => {
  t.same(issued(grantOf(['openid', 'invoices:read', 'invoices:write'])), [invoices, 'invoices:read', 'invoices:write'])
  t.same(issued(grantOf(all), { scopes: ['openid', 'mail:send'] }), [mail, 'mail:send'], 'narrowed by the request')
  t.equal(issued(grantOf(all)), 'resource_ambiguous')
  t.same(issued(grantOf(all), { resource: [invoices] }), [invoices, 'invoices:read', 'invoices:write'])
  const narrowed = grantOf(['invoices:read', 'invoices:write'], { terms: termsOf(['invoices:read']) })
  t.same(issued(narrowed), [invoices, 'invoices:read'], 'less than was requested')
})

t.test('an issued token has only those scopes that are still valid at its audience, or is invalid', async (t) => {
  const held = (audience: string | string[], scopes: string[], terms?: GrantTerms, by: Partial<PublicClient> = {}) =>
    effectiveTokenScopes({ ...client, ...by }, { audience: [audience].flat(), scopes }, terms, issuer)
  t.equal(held('https://unknown.example', []), undefined, 'an audience that the client may not have')
  t.equal(held(invoices, ['invoices:read'], termsOf(all), { allowed: [] }), undefined, 'nor this one any longer')
  t.equal(held(invoices, ['invoices:read'], termsOf([])), undefined, 'every scope was taken away')
  t.same(held(invoices, ['invoices:read', 'invoices:write'], termsOf(['invoices:read'])), ['invoices:read'])
  t.equal(held(invoices, ['mail:send'], termsOf(all)), undefined, 'a scope that has no meaning there')
  t.same(held(issuer, ['openid', 'invoices:read'], termsOf(all)), ['openid'])
  t.same(held(invoices, [], termsOf(all)), [], 'a token that never had scopes')
  const both = ['openid', 'mail:send', 'invoices:read']
  t.same(held([invoices, issuer], both, termsOf(all)), ['openid', 'invoices:read'], 'a token for an API and userinfo')
  t.same(held([invoices, issuer], both, termsOf(all), { allowed: [] }), ['openid'], 'the client has lost the API')
  t.same(held([invoices], both, termsOf(all)), ['invoices:read'], 'what the API sees of it')
  t.equal(held([invoices], ['openid'], termsOf(all)), undefined, 'nothing, if it has no scope of the API')
})
