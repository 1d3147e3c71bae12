import { createVerifier, type VerifierOptions } from 'signet-idp/verify'
import t from 'tap'
import { audience, issuer } from './issuer.ts'

const faults: [what: string, options: Record<string, unknown>, says: RegExp][] = [
  ['an undefined audience, as from an unset variable', { audience: undefined }, /^audience must be/],
  ['an empty audience', { audience: '' }, /^audience must be/],
  ['an empty list of audiences', { audience: [] }, /^audience must be/],
  ['an undefined audience in the list', { audience: [audience, undefined] }, /^audience must be/],
  ['an undefined issuer', { issuer: undefined }, /^issuer must be/],
  ['an empty issuer', { issuer: '' }, /^issuer must be/],
  ['an issuer that is not a URL', { issuer: 'id.example.com' }, /is not a URL/],
  ['a misspelt option', { requiredScope: ['read'] }, /^There is no option requiredScope/],
  ['an inherited option', { constructor: 1 }, /^There is no option constructor/],
  ['no algorithm', { algorithms: [] }, /^algorithms must be some of ES256, RS256/],
  ['alg none', { algorithms: ['none'] }, /^algorithms must be/],
  ['HS256', { algorithms: ['ES256', 'HS256'] }, /^algorithms must be/],
  ['algorithms as a string', { algorithms: 'ES256' }, /^algorithms must be/],
  ['scopes as one string', { requiredScopes: 'read write' }, /^Scopes must be/],
  ['a scope with a space', { requiredScopes: ['read write'] }, /^Scopes must be/],
  ['a scope that would end the header parameter', { requiredScopes: ['a", error="b'] }, /^Scopes must be/],
  ['acr as one string', { acr: 'phr' }, /^acr must be a non-empty list/],
  ['no acr', { acr: [] }, /^acr must be/],
  ['acr as null, as from a setting that could not be read', { acr: null }, /^acr must be/],
  ['an acr that would end the header parameter', { acr: ['phr", error="b'] }, /^acr must be/],
  ['two values of acr in one', { acr: ['aal2 phr'] }, /^acr must be/],
  ['a negative age', { maxAge: -1 }, /^maxAge must be a whole number/],
  ['an age as text', { maxAge: '300' }, /^maxAge must be/],
  ['an age of NaN', { maxAge: Number.NaN }, /^maxAge must be/],
  ['an age in milliseconds of a year', { maxAge: 31_536_000_000 }, /^maxAge must be/],
  ['a tolerance in milliseconds', { clockTolerance: 60_000 }, /^clockTolerance must be 0 to 300 seconds/],
  ['a negative tolerance', { clockTolerance: -1 }, /^clockTolerance must be/],
  ['an infinite tolerance', { clockTolerance: Number.POSITIVE_INFINITY }, /^clockTolerance must be/],
  ['a tolerance of NaN', { clockTolerance: Number.NaN }, /^clockTolerance must be/],
  ['a tolerance as a string', { clockTolerance: '60' }, /^clockTolerance must be/],
  ['no cooldown', { cooldown: 0 }, /^cooldown must be/],
  ['a timeout in milliseconds', { timeout: 5000 }, /^timeout must be 0.1 to 60 seconds/],
  ['keys kept forever', { keepKeysFor: Number.MAX_SAFE_INTEGER }, /^keepKeysFor must be/],
  ['a maximum token length of zero', { maxTokenLength: 0 }, /^maxTokenLength must be/],
  ['an empty typ', { typ: '' }, /^typ must be/],
  ['a name with a line break', { name: 'api\r\nx: y' }, /^name must be/],
  ['a name that is too long', { name: 'x'.repeat(101) }, /^name must be/],
  ['an issuer over http', { issuer: 'http://id.example.com' }, /must be https/],
  ['a host that starts with localhost', { issuer: 'http://localhost.example.com' }, /must be https/],
  ['a host that starts with the loopback address', { issuer: 'http://127.0.0.1.example.com' }, /must be https/],
  ['a JWK Set over http', { jwksUri: 'http://id.example.com/jwks' }, /must be https/],
  ['a JWK Set from a file', { jwksUri: 'file:///etc/jwks.json' }, /must be https/],
  ['a JWK Set in a data URL', { jwksUri: 'data:application/json,{"keys":[]}' }, /must be https/],
  [
    'a JWK Set URL with a password',
    { jwksUri: 'https://me:secret@id.example.com/jwks' },
    /must not contain a user name or a password/,
  ],
  ['two key sources', { jwksUri: 'https://id.example.com/jwks', keys: () => undefined }, /exclude each other/],
  ['a timeout for a fetch that is never made', { timeout: 3, keys: () => undefined }, /^keys and timeout exclude/],
  [
    'a listener to a fetch that is never made',
    { onKeysError: () => {}, keys: () => undefined },
    /^keys and onKeysError/,
  ],
  ['a JWK Set instead of a key source', { keys: { keys: [] } }, /^keys must be a function .* got an object\.$/],
  ['a list of keys', { keys: [{ kty: 'EC' }] }, /^keys must be a function .* got a list\.$/],
  ['a null key source, as from a failed import', { keys: null }, /^keys must be a function .* got null\.$/],
  ['a URL instead of fetch', { fetch: 'http://proxy:3128' }, /^fetch must be a function .* got a string\.$/],
  ['an agent instead of fetch', { fetch: { agent: {} } }, /^fetch must be a function .* got an object\.$/],
  ['a logger instead of its method', { onKeysError: console }, /^onKeysError must be a function .* got an object\.$/],
  ['false instead of a listener', { onKeysError: false }, /^onKeysError must be a function .* got a boolean\.$/],
  ['a function instead of a clock', { clock: () => Date.now() }, /^clock must be an object .* got a function\.$/],
  ['a clock without monotonicTime', { clock: { wallTime: () => 0 } }, /^clock\.monotonicTime must be a function/],
  [
    'a clock that returns nothing',
    { clock: { wallTime: () => {}, monotonicTime: () => 0 } },
    /^clock\.wallTime must return/,
  ],
  [
    'a clock that returns text',
    { clock: { wallTime: () => '0', monotonicTime: () => 0 } },
    /^clock\.wallTime must return/,
  ],
  ['a number as a name', { name: 7 }, /^name must be 1 to 100 printable ASCII characters/],
  ['a name that begins with a space', { name: ' api' }, /^name must be/],
  ['an empty name', { name: '' }, /^name must be/],
  [
    'a jwksUri as a URL object',
    { jwksUri: new URL('https://id.example.com/jwks') },
    /^jwksUri must be a URL as a string/,
  ],
  ['a number as a typ', { typ: 1 }, /^typ must be a media type; got a number/],
  ['an issuer as a URL object', { issuer: new URL(issuer) }, /^issuer must be a non-empty string; got an object/],
]

t.test('invalid options stop the service at its start, and the message says what the option takes', async (t) => {
  for (const [what, options, says] of faults)
    t.throws(
      () => createVerifier({ issuer, audience, ...options } as unknown as VerifierOptions),
      { name: 'TypeError', message: says },
      what,
    )
})

t.test('null does not count as an omitted option', async (t) => {
  const names = ['issuer', 'audience', 'algorithms', 'requiredScopes', 'clockTolerance', 'typ', 'maxTokenLength']
  for (const name of [
    ...names,
    'jwksUri',
    'name',
    'cooldown',
    'timeout',
    'keepKeysFor',
    'fetch',
    'onKeysError',
    'keys',
    'clock',
  ])
    t.throws(
      () => createVerifier({ issuer, audience, [name]: null } as unknown as VerifierOptions),
      { name: 'TypeError', message: name === 'requiredScopes' ? /^Scopes must be/ : new RegExp(`^${name} must be`) },
      name,
    )
  const verifier = createVerifier({ issuer, audience, keys: () => undefined })
  const withNull = { requiredScopes: null } as unknown as { requiredScopes: string[] }
  await t.rejects(verifier.verify('x', withNull), { name: 'TypeError', message: /^Scopes must be/ })
})

t.test('a sparse array is rejected', async (t) => {
  const holes = new Array(1)
  for (const option of [{ audience: holes }, { algorithms: holes }, { requiredScopes: holes }])
    t.throws(() => createVerifier({ issuer, audience, ...option } as unknown as VerifierOptions), { name: 'TypeError' })
  const verifier = createVerifier({ issuer, audience, keys: () => undefined })
  await t.rejects(verifier.verify('x', { requiredScopes: holes }), { name: 'TypeError', message: /^Scopes must be/ })
})

t.test('options that are not an object are reported as such', async (t) => {
  for (const options of [undefined, null, issuer, [issuer, audience]])
    t.throws(() => createVerifier(options as unknown as VerifierOptions), {
      name: 'TypeError',
      message: /^createVerifier expects an object with options/,
    })
})

t.test('a call that requires an invalid scope is a program error, not a fault of the token', async (t) => {
  const verifier = createVerifier({ issuer, audience, keys: () => undefined })
  await t.rejects(verifier.verify('x', { requiredScopes: ['a b'] }), { name: 'TypeError' })
  const asText = { requiredScopes: 'read' } as unknown as { requiredScopes: string[] }
  await t.rejects(verifier.verify('x', asText), { name: 'TypeError', message: /^Scopes must be a list/ })
})

t.test('a misspelt option of a call does not disable a check', async (t) => {
  const verifier = createVerifier({ issuer, audience, keys: () => undefined })
  const misspelt = { requiredScope: ['read'] } as unknown as { requiredScopes: string[] }
  await t.rejects(verifier.verify('x', misspelt), { name: 'TypeError', message: /^verify has no option requiredScope/ })
})

t.test('loopback addresses need no https', async (t) => {
  for (const host of ['localhost:4000', '127.0.0.1:4000', '127.1.2.3', '[::1]:4000', 'id.localhost'])
    t.equal(createVerifier({ issuer: `http://${host}`, audience }).issuer, `http://${host}`)
})

t.test('with its own keys, the issuer need not be a URL', async (t) => {
  const verifier = createVerifier({ issuer: 'urn:issuer', audience, keys: () => undefined })
  t.strictSame({ issuer: verifier.issuer, audience: verifier.audience }, { issuer: 'urn:issuer', audience: [audience] })
  await verifier.ready()
})

t.test("later changes to the caller's lists have no effect", async (t) => {
  const audiences = [audience]
  const verifier = createVerifier({ issuer, audience: audiences, keys: () => undefined })
  audiences.push('https://other.example.com')
  t.strictSame(verifier.audience, [audience])
})
