import t from 'tap'
import { isRegisteredRedirectUri } from '../../src/interaction/redirect-uri.ts'

const web = {
  redirect_uris: ['https://app.example/callback'],
  token_endpoint_auth_method: 'client_secret_basic',
} as const
const app = {
  redirect_uris: ['http://127.0.0.1/cb', 'http://[::1]:80/cb', 'com.example.app:/cb'],
  token_endpoint_auth_method: 'none',
} as const

t.test('a redirect URI that differs in any way from the registered text is rejected', async (t) => {
  for (const uri of [
    'https://app.example/callback/',
    'https://app.example/callback/more',
    'https://app.example/callback?x=1',
    'https://app.example/callback#',
    'https://app.example/x/../callback',
    'https://app.example/%63allback',
    'https://app.example:443/callback',
    'https://app.example./callback',
    'https://APP.example/callback',
    'HTTPS://app.example/callback',
    'https://user@app.example/callback',
    'https://app.example@evil.example/callback',
    'https://app.example.evil.example/callback',
    'http://app.example/callback',
    '//app.example/callback',
    '/callback',
    ' https://app.example/callback',
    'https://app.example/callback\n',
    'https:app.example/callback',
    '',
  ])
    t.notOk(isRegisteredRedirectUri(web, uri), JSON.stringify(uri))
  t.ok(isRegisteredRedirectUri(web, 'https://app.example/callback'))
})

t.test('an app on a loopback address may choose its port and nothing else', async (t) => {
  for (const uri of ['http://127.0.0.1:51234/cb', 'http://127.0.0.1/cb', 'http://[::1]:9/cb', 'com.example.app:/cb'])
    t.ok(isRegisteredRedirectUri(app, uri), uri)
  for (const uri of [
    'http://localhost:51234/cb',
    'http://127.0.0.1:51234/cb/more',
    'http://127.0.0.1:51234/cb?x=1',
    'http://127.0.0.1:51234/cb#x',
    'http://127.0.0.1:99999/cb',
    'http://127.0.0.1:/cb',
    'http://127.0.0.1:80:80/cb',
    'http://127.0.0.1.evil.example:80/cb',
    'http://127.0.0.1:80@evil.example/cb',
    'https://127.0.0.1:51234/cb',
    'http://127.0.0.2:51234/cb',
  ])
    t.notOk(isRegisteredRedirectUri(app, uri), uri)
  t.notOk(
    isRegisteredRedirectUri({ ...app, token_endpoint_auth_method: 'client_secret_basic' }, 'http://127.0.0.1:51234/cb'),
  )
})

t.test('the port of localhost counts for a registered app, but not for one with a document', async (t) => {
  const named = { ...app, redirect_uris: ['http://localhost/cb'] }
  const document = { digest: '00', expiresAt: 0 }
  t.ok(isRegisteredRedirectUri(named, 'http://localhost/cb'))
  t.notOk(isRegisteredRedirectUri(named, 'http://localhost:51234/cb'))
  t.ok(isRegisteredRedirectUri({ ...named, document }, 'http://localhost:51234/cb'))
  t.notOk(isRegisteredRedirectUri({ ...named, document }, 'http://localhost.evil.example:51234/cb'))
  t.notOk(isRegisteredRedirectUri({ ...named, document }, 'http://127.0.0.1:51234/cb'), 'another host')
})
