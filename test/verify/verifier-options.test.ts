import { createVerifier, type VerifierOptions } from 'signet-idp/verify'
import t from 'tap'
import { audience, issuer } from './issuer.ts'

const faults: [what: string, options: Record<string, unknown>, says: RegExp][] = [
  ['an audience that is missing, as from an unset variable', { audience: undefined }, /^audience must be/],
  ['an empty audience', { audience: '' }, /^audience must be/],
  ['no audience in the list', { audience: [] }, /^audience must be/],
  ['an audience that is missing in the list', { audience: [audience, undefined] }, /^audience must be/],
  ['an issuer that is missing', { issuer: undefined }, /^issuer must be/],
  ['an empty issuer', { issuer: '' }, /^issuer must be/],
  ['an issuer that is no URL', { issuer: 'id.example.com' }, /is not a URL/],
  ['a misspelt option', { requiredScope: ['read'] }, /^There is no option requiredScope/],
  ['an option that every object has', { constructor: 1 }, /^There is no option constructor/],
  ['no algorithm', { algorithms: [] }, /^algorithms must be some of ES256, RS256/],
  ['alg none', { algorithms: ['none'] }, /^algorithms must be/],
  ['HS256', { algorithms: ['ES256', 'HS256'] }, /^algorithms must be/],
  ['algorithms as a string', { algorithms: 'ES256' }, /^algorithms must be/],
  ['scopes as one string', { requiredScopes: 'read write' }, /^Scopes must be/],
  ['a scope with a space', { requiredScopes: ['read write'] }, /^Scopes must be/],
  ['a scope that would end the header parameter', { requiredScopes: ['a", error="b'] }, /^Scopes must be/],
  ['a tolerance in milliseconds', { clockTolerance: 60_000 }, /^clockTolerance must be 0 to 300 seconds/],
  ['a tolerance below zero', { clockTolerance: -1 }, /^clockTolerance must be/],
  ['a tolerance without end', { clockTolerance: Number.POSITIVE_INFINITY }, /^clockTolerance must be/],
  ['a tolerance that is no number', { clockTolerance: Number.NaN }, /^clockTolerance must be/],
  ['a tolerance as a string', { clockTolerance: '60' }, /^clockTolerance must be/],
  ['no cooldown', { cooldown: 0 }, /^cooldown must be/],
  ['a timeout in milliseconds', { timeout: 5000 }, /^timeout must be 0.1 to 60 seconds/],
  ['keys kept for ever', { keepKeysFor: Number.MAX_SAFE_INTEGER }, /^keepKeysFor must be/],
  ['no token length', { maxTokenLength: 0 }, /^maxTokenLength must be/],
  ['an empty typ', { typ: '' }, /^typ must be/],
  ['a name with a line break', { name: 'api\r\nx: y' }, /^name must be/],
  ['a name that is too long', { name: 'x'.repeat(101) }, /^name must be/],
  ['an issuer over http', { issuer: 'http://id.example.com' }, /must be https/],
  ['a host that starts like the loopback', { issuer: 'http://localhost.example.com' }, /must be https/],
  ['a host that starts like the loopback address', { issuer: 'http://127.0.0.1.example.com' }, /must be https/],
  ['a set over http', { jwksUri: 'http://id.example.com/jwks' }, /must be https/],
  ['a set from a file', { jwksUri: 'file:///etc/jwks.json' }, /must be https/],
  ['a set in the address itself', { jwksUri: 'data:application/json,{"keys":[]}' }, /must be https/],
  [
    'a set with a password',
    { jwksUri: 'https://me:secret@id.example.com/jwks' },
    /must not contain a user name or a password/,
  ],
  ['two sources of keys', { jwksUri: 'https://id.example.com/jwks', keys: () => undefined }, /exclude each other/],
  ['a timeout for a fetch that is never made', { timeout: 3, keys: () => undefined }, /^keys and timeout exclude/],
  [
    'a listener to a fetch that is never made',
    { onKeysError: () => {}, keys: () => undefined },
    /^keys and onKeysError/,
  ],
  ['a JWK Set in place of a source of keys', { keys: { keys: [] } }, /^keys must be a function .* got an object\.$/],
  ['a list of keys', { keys: [{ kty: 'EC' }] }, /^keys must be a function .* got a list\.$/],
  ['no source of keys, as from a failed import', { keys: null }, /^keys must be a function .* got null\.$/],
  ['an address in place of fetch', { fetch: 'http://proxy:3128' }, /^fetch must be a function .* got a string\.$/],
  ['an agent in place of fetch', { fetch: { agent: {} } }, /^fetch must be a function .* got an object\.$/],
  ['a logger in place of its method', { onKeysError: console }, /^onKeysError must be a function .* got an object\.$/],
  ['false in place of a listener', { onKeysError: false }, /^onKeysError must be a function .* got a boolean\.$/],
  ['a function in place of a clock', { clock: () => Date.now() }, /^clock must be an object .* got a function\.$/],
  [
    'a clock that cannot tell how long ago',
    { clock: { wallTime: () => 0 } },
    /^clock\.monotonicTime must be a function/,
  ],
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
    'an address of the set that is a URL object',
    { jwksUri: new URL('https://id.example.com/jwks') },
    /^jwksUri must be a URL as a string/,
  ],
  ['a number as a typ', { typ: 1 }, /^typ must be a media type; got a number/],
  ['an issuer as a URL object', { issuer: new URL(issuer) }, /^issuer must be a non-empty string; got an object/],
]

t.test('a fault in the options stops the service at its start and says what the option takes', async (t) => {
  for (const [what, options, says] of faults)
    t.throws(
      () => createVerifier({ issuer, audience, ...options } as unknown as VerifierOptions),
      { name: 'TypeError', message: says },
      what,
    )
})

t.test('null is not taken for an option that was left out', async (t) => {
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

t.test('a list with holes is refused', async (t) => {
  const holes = new Array(1)
  for (const option of [{ audience: holes }, { algorithms: holes }, { requiredScopes: holes }])
    t.throws(() => createVerifier({ issuer, audience, ...option } as unknown as VerifierOptions), { name: 'TypeError' })
  const verifier = createVerifier({ issuer, audience, keys: () => undefined })
  await t.rejects(verifier.verify('x', { requiredScopes: holes }), { name: 'TypeError', message: /^Scopes must be/ })
})

t.test('options that are not an object are a fault that says so', async (t) => {
  for (const options of [undefined, null, issuer, [issuer, audience]])
    t.throws(() => createVerifier(options as unknown as VerifierOptions), {
      name: 'TypeError',
      message: /^createVerifier expects an object with options/,
    })
})

t.test('a call that asks for something that is no scope is a fault of the program, not of the token', async (t) => {
  const verifier = createVerifier({ issuer, audience, keys: () => undefined })
  await t.rejects(verifier.verify('x', { requiredScopes: ['a b'] }), { name: 'TypeError' })
  const asText = { requiredScopes: 'read' } as unknown as { requiredScopes: string[] }
  await t.rejects(verifier.verify('x', asText), { name: 'TypeError', message: /^Scopes must be a list/ })
})

t.test('a misspelt option of a call leaves no check out', async (t) => {
  const verifier = createVerifier({ issuer, audience, keys: () => undefined })
  const misspelt = { requiredScope: ['read'] } as unknown as { requiredScopes: string[] }
  await t.rejects(verifier.verify('x', misspelt), { name: 'TypeError', message: /^verify has no option requiredScope/ })
})

t.test('the loopback needs no https', async (t) => {
  for (const host of ['localhost:4000', '127.0.0.1:4000', '127.1.2.3', '[::1]:4000', 'id.localhost'])
    t.equal(createVerifier({ issuer: `http://${host}`, audience }).issuer, `http://${host}`)
})

t.test('with keys of its own the issuer need be no address', async (t) => {
  const verifier = createVerifier({ issuer: 'urn:issuer', audience, keys: () => undefined })
  t.strictSame({ issuer: verifier.issuer, audience: verifier.audience }, { issuer: 'urn:issuer', audience: [audience] })
  await verifier.ready()
})

t.test('what the caller does to its lists afterwards changes nothing', async (t) => {
  const audiences = [audience]
  const verifier = createVerifier({ issuer, audience: audiences, keys: () => undefined })
  audiences.push('https://other.example.com')
  t.strictSame(verifier.audience, [audience])
})
