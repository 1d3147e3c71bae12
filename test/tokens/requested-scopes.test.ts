import t from 'tap'
import type { ClientId } from '../../src/records/ids.ts'
import { notesAboutDropped, requestedScopes, requestedScopesOfMachine } from '../../src/tokens/requested-scopes.ts'

const client = { client_id: 'client_1' as ClientId, scope: 'openid email invoices:read invoices:write' }
const withoutOpenid = { ...client, scope: 'invoices:read' }

/** What becomes of a scope parameter: the scopes that are left, or the name of the error. */
function outcomeOf(read: typeof requestedScopes, registered: typeof client, requested: string | undefined) {
  try {
    const { scopes, dropped } = read(registered, requested)
    return [scopes.join(' '), dropped.join(' ')]
  } catch (error) {
    return (error as { entry: string }).entry
  }
}

t.test('a malformed scope is refused, and nothing of it is used', async (t) => {
  for (const read of [requestedScopes, requestedScopesOfMachine])
    for (const scope of [
      '',
      ' ',
      'invoices:read ',
      ' invoices:read',
      'invoices:read  x',
      'a\tb',
      'a\nb',
      'a"b',
      'a\\b',
      'é',
    ])
      t.equal(outcomeOf(read, client, scope), 'scope_malformed', JSON.stringify(scope))
})

t.test('scopes that do not exist and scopes of other clients are dropped alike', async (t) => {
  for (const foreign of [
    'unknown',
    'mail:send',
    'invoices:read:all',
    'invoices:rea',
    'OPENID',
    'Openid',
    '__proto__',
    '*',
  ]) {
    t.same(outcomeOf(requestedScopes, client, `openid ${foreign}`), ['openid', foreign])
    t.same(outcomeOf(requestedScopesOfMachine, client, `${foreign} invoices:read`), ['invoices:read', foreign])
    for (const read of [requestedScopes, requestedScopesOfMachine])
      t.equal(outcomeOf(read, client, foreign), 'scope_not_registered', 'nothing left, and not the default')
  }
})

t.test('a request without a scope gets the default', async (t) => {
  t.same(outcomeOf(requestedScopes, client, undefined), [client.scope, ''])
  t.same(outcomeOf(requestedScopesOfMachine, client, undefined), ['invoices:read invoices:write', ''])
  t.same(outcomeOf(requestedScopes, { ...client, scope: '' }, undefined), ['', ''])
})

t.test('openid is never dropped', async (t) => {
  t.equal(outcomeOf(requestedScopes, withoutOpenid, 'openid'), 'openid_not_registered')
  t.equal(outcomeOf(requestedScopes, withoutOpenid, 'openid invoices:read'), 'openid_not_registered')
  for (const registered of [client, withoutOpenid]) {
    t.equal(outcomeOf(requestedScopesOfMachine, registered, 'openid'), 'scope_needs_a_person')
    t.equal(outcomeOf(requestedScopesOfMachine, registered, 'invoices:read openid'), 'scope_needs_a_person')
  }
})

t.test('a client that acts for itself loses the scopes that are about a person, registered or not', async (t) => {
  for (const registered of [client, withoutOpenid]) {
    t.same(outcomeOf(requestedScopesOfMachine, registered, 'email invoices:read'), ['invoices:read', 'email'])
    t.equal(outcomeOf(requestedScopesOfMachine, registered, 'email profile'), 'scope_needs_a_person')
    t.equal(outcomeOf(requestedScopesOfMachine, registered, 'email unknown'), 'scope_needs_a_person')
  }
})

t.test('a note about a registered scope that needs a person does not say that it is not registered', async (t) => {
  const { dropped } = requestedScopesOfMachine(client, 'email groups invoices:read')
  t.equal(
    notesAboutDropped(client, dropped)[0]?.detail,
    `scope: "email groups"; client client_1 is registered for: ${client.scope}; without a user it cannot have: email`,
  )
})

t.test('a note names what was dropped, bounded and without secrets', async (t) => {
  t.same(notesAboutDropped(client, []), [])
  const [note] = notesAboutDropped(client, ['groups', 'x'.repeat(43)])
  t.equal(note?.entry, 'scopes_dropped')
  t.equal(note?.detail, `scope: "groups xxxx..."; client client_1 is registered for: ${client.scope}`)
  const many = Array.from({ length: 500 }, (_, n) => `unknown:${n}`)
  t.match(
    notesAboutDropped({ ...client, scope: many.join(' ').replaceAll('unknown', 'known') }, many)[0]?.detail,
    /^scope: ".{300}\.\.\."; .{30,60} .{300}\.\.\.$/,
  )
})
