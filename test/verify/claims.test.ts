import { createVerifier, importVerificationKey, scopesOf, type VerificationErrorCode } from 'signet-idp/verify'
import t from 'tap'
import { audience, codeOf, goodClaims, issuer, type Json, mint, now, signingKey, stoppedClock } from './issuer.ts'

const key = signingKey('ec-1')
const imported = importVerificationKey(key.jwk)
const verifier = createVerifier({ issuer, audience, keys: () => imported, clock: stoppedClock() })

const refused: [what: string, changes: Json, code: VerificationErrorCode][] = [
  ['another issuer', { iss: 'https://evil.example.com' }, 'wrong_issuer'],
  ['the issuer with a trailing slash', { iss: `${issuer}/` }, 'wrong_issuer'],
  ['the issuer in capitals', { iss: 'https://ID.example.com' }, 'wrong_issuer'],
  ['an issuer that starts with ours', { iss: `${issuer}.evil.example` }, 'wrong_issuer'],
  ['two issuers', { iss: [issuer] }, 'malformed_claim'],
  ['no issuer', { iss: undefined }, 'missing_claim'],
  ['an empty issuer', { iss: '' }, 'missing_claim'],
  ['another audience', { aud: 'https://other.example.com' }, 'wrong_audience'],
  ['an audience that starts with ours', { aud: `${audience}.evil.example` }, 'wrong_audience'],
  ['an audience that contains ours', { aud: `x ${audience}` }, 'wrong_audience'],
  ['two audiences, neither ours', { aud: ['https://a.example', 'https://b.example'] }, 'wrong_audience'],
  ['an empty list as audience', { aud: [] }, 'wrong_audience'],
  ['no audience', { aud: undefined }, 'missing_claim'],
  ['an audience in a list in the list', { aud: [[audience]] }, 'malformed_claim'],
  ['an audience as an object', { aud: { 0: audience } }, 'malformed_claim'],
  ['audience true', { aud: true }, 'malformed_claim'],
  ['no exp', { exp: undefined }, 'missing_claim'],
  ['exp null', { exp: null }, 'malformed_claim'],
  ['exp as a string', { exp: String(now + 900) }, 'malformed_claim'],
  ['exp as a list', { exp: [now + 900] }, 'malformed_claim'],
  ['exp true', { exp: true }, 'malformed_claim'],
  ['exp an hour ago', { exp: now - 3600 }, 'expired'],
  ['exp at the last moment of the tolerance', { exp: now - 60 }, 'expired'],
  ['exp 0', { exp: 0 }, 'expired'],
  ['negative exp', { exp: -1e300 }, 'expired'],
  ['no iat', { iat: undefined }, 'missing_claim'],
  ['iat as a string', { iat: String(now) }, 'malformed_claim'],
  ['iat in an hour', { iat: now + 3600 }, 'not_yet_valid'],
  ['iat just beyond the tolerance', { iat: now + 61 }, 'not_yet_valid'],
  ['nbf just beyond the tolerance', { nbf: now + 61 }, 'not_yet_valid'],
  ['nbf as a string', { nbf: '0' }, 'malformed_claim'],
  ['no sub', { sub: undefined }, 'missing_claim'],
  ['an empty sub', { sub: '' }, 'missing_claim'],
  ['sub as a number', { sub: 1 }, 'malformed_claim'],
  ['sub as an object', { sub: { $ne: null } }, 'malformed_claim'],
  ['no client_id, as in an ID token', { client_id: undefined }, 'missing_claim'],
  ['client_id null', { client_id: null }, 'malformed_claim'],
  ['no jti', { jti: undefined }, 'missing_claim'],
  ['jti as a number', { jti: 7 }, 'malformed_claim'],
  ['scope as a list', { scope: ['invoices:read'] }, 'malformed_claim'],
  ['auth_time as a string', { auth_time: 'yesterday' }, 'malformed_claim'],
  ['acr as a number', { acr: 2 }, 'malformed_claim'],
  ['sid as an object', { sid: {} }, 'malformed_claim'],
  [
    'a token bound to a DPoP key',
    { cnf: { jkt: '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I' } },
    'sender_constrained',
  ],
  [
    'a token bound to a certificate',
    { cnf: { 'x5t#S256': 'bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2' } },
    'sender_constrained',
  ],
  ['an empty cnf', { cnf: {} }, 'sender_constrained'],
  ['cnf null', { cnf: null }, 'sender_constrained'],
]

t.test('a token with a valid signature is rejected because of its claims', async (t) => {
  for (const [what, changes, code] of refused)
    t.equal(await codeOf(verifier.verify(mint(key, goodClaims(changes)))), code, what)
})

t.test('a time beyond the range of numbers is rejected', async (t) => {
  for (const claim of ['exp', 'iat', 'nbf']) {
    const claims = JSON.stringify(goodClaims({ [claim]: 0 })).replace(`"${claim}":0`, `"${claim}":1e400`)
    t.equal(await codeOf(verifier.verify(mint(key, claims))), 'malformed_claim', claim)
  }
})

t.test('an inherited property does not stand in for a missing claim', async (t) => {
  t.equal(await codeOf(verifier.verify(mint(key, '{}'))), 'missing_claim')
})

t.test('a missing scope is rejected, even if another scope contains its name', async (t) => {
  const need = (scope: unknown, ...requiredScopes: string[]) =>
    codeOf(verifier.verify(mint(key, goodClaims({ scope })), { requiredScopes }))
  t.equal(await need(undefined, 'read'), 'insufficient_scope')
  t.equal(await need('', 'read'), 'insufficient_scope')
  t.equal(await need('readonly unread', 'read'), 'insufficient_scope')
  t.equal(await need('Read', 'read'), 'insufficient_scope')
  t.equal(await need('read\twrite', 'read'), 'insufficient_scope')
  t.equal(await need('read', 'read', 'write'), 'insufficient_scope')
  t.match(await need('write read', 'read', 'write'), { resolved: { scope: 'write read' } })
})

t.test("the verifier's scopes are required in addition to those of the call", async (t) => {
  const strict = createVerifier({
    issuer,
    audience,
    requiredScopes: ['a'],
    keys: () => imported,
    clock: stoppedClock(),
  })
  const token = mint(key, goodClaims({ scope: 'b' }))
  await t.rejects(strict.verify(token), { code: 'insufficient_scope', requiredScopes: ['a'] })
  await t.rejects(strict.verify(token, { requiredScopes: ['b'] }), {
    code: 'insufficient_scope',
    requiredScopes: ['a', 'b'],
  })
  t.match(await strict.verify(mint(key, goodClaims({ scope: 'b a' })), { requiredScopes: ['b'] }), { scope: 'b a' })
})

const refusalOf = (checked: Promise<unknown>) =>
  checked.then(
    () => undefined,
    (error: unknown) => error,
  )

t.test('a sign-in that is too weak or too old is rejected, with what is required', async (t) => {
  const need = (claims: Json, requirement: object) =>
    codeOf(verifier.verify(mint(key, goodClaims(claims)), requirement))
  const insufficient = 'insufficient_user_authentication'
  t.equal(await need({}, { acr: ['phr'] }), insufficient, 'a client that acts for itself')
  t.equal(await need({ acr: 'aal1' }, { acr: ['aal2', 'phr'] }), insufficient)
  t.equal(await need({ acr: 'PHR' }, { acr: ['phr'] }), insufficient)
  t.equal(await need({ acr: 'aal2 phr' }, { acr: ['phr'] }), insufficient)
  t.match(await need({ acr: 'phr' }, { acr: ['aal2', 'phr'] }), { resolved: { acr: 'phr' } })
  t.equal(await need({}, { maxAge: 300 }), insufficient, 'no auth_time')
  t.equal(await need({ auth_time: now - 361 }, { maxAge: 300 }), insufficient)
  t.match(await need({ auth_time: now - 360 }, { maxAge: 300 }), { resolved: {} }, 'with the tolerance of the clocks')
  t.equal(await need({ auth_time: now, acr: 'aal1' }, { maxAge: 300, acr: ['phr'] }), insufficient)
  t.equal(await need({ auth_time: 0, acr: 'phr' }, { maxAge: 300, acr: ['phr'] }), insufficient)
  t.equal(await need({ scope: '' }, { requiredScopes: ['read'], acr: ['phr'] }), 'insufficient_scope', 'first')
  t.match(await refusalOf(verifier.verify(mint(key), { acr: ['phr'], maxAge: 60 })), {
    requiredAcr: ['phr'],
    maxAge: 60,
  })
  await t.rejects(verifier.verify(mint(key), { acr: 'phr' as never }), TypeError)
  await t.rejects(verifier.verify(mint(key), { maxage: 60 } as never), /no option maxage/)
})

t.test('a verifier and a call together accept what both accept', async (t) => {
  const options = { issuer, audience, keys: () => imported, clock: stoppedClock(), acr: ['aal2', 'phr'], maxAge: 600 }
  const strict = createVerifier(options)
  const token = (claims: Json) => mint(key, goodClaims({ auth_time: now, ...claims }))
  t.match(await refusalOf(strict.verify(token({ acr: 'aal1' }))), { requiredAcr: ['aal2', 'phr'], maxAge: 600 })
  t.match(await strict.verify(token({ acr: 'aal2' })), { acr: 'aal2' })
  const call = { acr: ['phr', 'urn:other'], maxAge: 3600 }
  t.match(await refusalOf(strict.verify(token({ acr: 'aal2' }), call)), { requiredAcr: ['phr'], maxAge: 600 })
  t.match(await refusalOf(strict.verify(token({ acr: 'urn:other' }), call)), { requiredAcr: ['phr'] })
  await t.rejects(strict.verify(token({ acr: 'aal2' }), { acr: ['urn:other'] }), TypeError)
  const claims = await strict.verify(token({ acr: 'aal2' }))
  t.throws(() => strict.requireAuthentication(claims, { acr: ['phr'] }), { code: 'insufficient_user_authentication' })
  t.doesNotThrow(() => strict.requireAuthentication(claims, { acr: ['aal2'], maxAge: 0 }))
})

t.test('a token for another service is rejected for its audience before its scopes are checked', async (t) => {
  const token = mint(key, goodClaims({ aud: 'https://other.example.com', scope: '' }))
  t.equal(await codeOf(verifier.verify(token, { requiredScopes: ['read'] })), 'wrong_audience')
})

t.test('the message says what to fix', async (t) => {
  const message = (changes: Json) =>
    verifier.verify(mint(key, goodClaims(changes))).then(
      () => 'accepted',
      (error: Error) => error.message,
    )
  t.equal(await message({ exp: now - 90 }), `The token expired 90 s ago (exp ${now - 90}, now ${now}).`)
  t.equal(
    await message({ iat: now + 90 }),
    `The token is not valid for another 90 s (iat ${now + 90}, now ${now}). Is a clock wrong?`,
  )
  t.equal(
    await message({ iss: `${issuer}/` }),
    `The token was issued by ${issuer}/ (iss), but this service trusts ${issuer}.`,
  )
  t.equal(
    await message({ aud: ['https://a.example'] }),
    `The token is for https://a.example (aud), but this service is ${audience}.`,
  )
  t.equal(
    await message({ iss: `${'x'.repeat(500)}"\r\n` }),
    `The token was issued by ${'x'.repeat(80)}... (iss), but this service trusts ${issuer}.`,
  )
})

t.test('clocks may differ by the tolerance, which can be set', async (t) => {
  const accepts = async (changes: Json, tolerance?: number) => {
    const options = { issuer, audience, keys: () => imported, clock: stoppedClock() }
    const verifier = createVerifier(tolerance === undefined ? options : { ...options, clockTolerance: tolerance })
    return typeof (await codeOf(verifier.verify(mint(key, goodClaims(changes))))) === 'object'
  }
  t.ok(await accepts({ exp: now - 59 }))
  t.ok(await accepts({ iat: now + 60, nbf: now + 60 }))
  t.ok(await accepts({ iat: now, nbf: now, exp: now + 1 }, 0), 'nbf and iat of the current second are in force')
  t.notOk(await accepts({ exp: now }, 0), 'exp of the current second is over')
  t.notOk(await accepts({ iat: now + 1 }, 0))
  t.ok(await accepts({ exp: now - 299 }, 300))
})

t.test('a clock that stops returning numbers lets no token pass', async (t) => {
  const clock = stoppedClock()
  const verifier = createVerifier({ issuer, audience, keys: () => imported, clock })
  clock.wall = Number.NaN
  t.equal(await codeOf(verifier.verify(mint(key))), 'expired')
})

t.test('a service with several names accepts a token for any of them', async (t) => {
  const both = createVerifier({ issuer, audience: ['urn:api', audience], keys: () => imported, clock: stoppedClock() })
  for (const aud of [audience, 'urn:api', ['urn:other', 'urn:api']])
    t.match(await both.verify(mint(key, goodClaims({ aud }))), { aud })
  t.equal(await codeOf(both.verify(mint(key, goodClaims({ aud: 'urn:other' })))), 'wrong_audience')
})

t.test('all claims are returned unchanged, with the scopes available as a list', async (t) => {
  const claims = goodClaims({ auth_time: now - 60, acr: '1', sid: 's', nbf: now, act: { sub: 'x' }, iat: now - 0.5 })
  const verified = await verifier.verify(mint(key, claims))
  t.strictSame(verified, claims)
  t.strictSame(scopesOf(verified), ['invoices:read', 'invoices:write'])
  t.strictSame(scopesOf(await verifier.verify(mint(key, goodClaims({ scope: undefined })))), [])
})
