import t from 'tap'
import { OutgoingRequestFailed } from '../../src/platform/outgoing-request.ts'
import { startSignet } from '../support/idp.ts'
import { ownMetadata, register, registered } from '../support/registration.ts'

/* sector_identifier_uri (OpenID Connect Registration §5): the document must list all redirect URIs of the client. */
const idp = await startSignet(t, { SIGNET_REGISTRATION: 'open' })
const uri = 'https://sector.example/uris.json'
const asked: string[] = []
const serve = (body: string | Error) =>
  Object.assign(idp.signet, {
    outgoing: {
      get: async (url: string) => {
        asked.push(url)
        const { rows } = await idp.signet.database.query<{ open: number }>({
          text: `SELECT count(*) AS open FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'`,
        })
        t.equal(rows[0]?.open, 0, 'no transaction is open meanwhile')
        if (body instanceof Error) throw body
        return { body: Buffer.from(body), contentType: 'application/json' }
      },
    },
  })
const asksWith = async (metadata: object = {}) => {
  const { status, body } = await register(idp, { ...ownMetadata, sector_identifier_uri: uri, ...metadata })
  return [status, body.error]
}

t.test('a document that does not list every redirect URI is refused', async (t) => {
  const [own] = ownMetadata.redirect_uris
  for (const document of [
    ...[
      '[]',
      '["https://other.example/cb"]',
      `{"redirect_uris":["${own}"]}`,
      `"${own}"`,
      'null',
      '',
      '<html>',
      `["${own}",1]`,
    ],
    `["${own}/"]`,
    `["${own?.toUpperCase()}"]`,
  ]) {
    serve(document)
    t.same(await asksWith(), [400, 'invalid_client_metadata'], document)
  }
  serve(`["${own}"]`)
  t.same(
    await asksWith({ redirect_uris: [own, 'https://app.example/other'] }),
    [400, 'invalid_client_metadata'],
    'one of two',
  )
  serve(new OutgoingRequestFailed('the response has the status 404'))
  const { body } = await register(idp, { ...ownMetadata, sector_identifier_uri: uri })
  t.match(body, { error: 'invalid_client_metadata', error_description: /could not be fetched/ })
  t.notMatch(body.error_description, '404', 'the reason is for the operator')
})

t.test('a document that lists them is accepted, at first and with a change', async (t) => {
  serve(JSON.stringify([...ownMetadata.redirect_uris, 'https://other.example/cb']))
  const { body, replace } = await registered(idp, { sector_identifier_uri: uri })
  t.equal(body.sector_identifier_uri, uri)
  t.equal((await replace({ ...ownMetadata, sector_identifier_uri: uri })).status, 200)
  serve('[]')
  t.equal((await replace({ ...ownMetadata, sector_identifier_uri: uri })).status, 400)
})

t.test('nothing is fetched for metadata that is refused anyway, or for somebody who may not register', async (t) => {
  serve('[]')
  asked.length = 0
  t.same(await asksWith({ grant_types: ['implicit'] }), [400, 'invalid_client_metadata'])
  t.same(await asksWith({ jwks_uri: 'http://a.example' }), [400, 'invalid_client_metadata'])
  const { status } = await register(idp, { ...ownMetadata, sector_identifier_uri: uri }, { token: 'x' })
  t.equal(status, 401)
  t.same(asked, [])
})
