import t from 'tap'
import { initiateLoginHref } from '../../src/protocol/initiate-login.ts'
import { completeMetadata } from '../../src/records/clients/client-metadata.ts'
import { InvalidClientMetadata } from '../../src/records/clients/metadata-members.ts'

const issuer = 'https://id.example:8443'
const iss = 'iss=https%3A%2F%2Fid.example%3A8443'
const href = (uri: string | undefined) => initiateLoginHref({ initiate_login_uri: uri }, issuer)

t.test('there is no link to an address that is not https', async (t) => {
  for (const uri of [
    undefined,
    'http://app.example/login',
    'http://localhost/login',
    'javascript:alert(1)//https://app.example',
    'com.example.app:/login',
    'https://bank.example@evil.example/login',
    '//app.example/login',
    'https://',
  ])
    t.equal(href(uri), undefined, String(uri))
})

t.test('the link has the issuer, and keeps the query of the address', async (t) => {
  t.equal(href('https://app.example/login'), `https://app.example/login?${iss}`)
  t.equal(href('https://app.example'), `https://app.example/?${iss}`)
  t.equal(href('https://app.example/login?a=b%20c'), `https://app.example/login?a=b%20c&${iss}`)
  t.equal(href('https://app.example/login?'), `https://app.example/login?${iss}`)
  t.equal(href('https://app.example/login?a&'), `https://app.example/login?a&${iss}`)
})

t.test('an address is registered only if it is https and does not have the parameters that are added', async (t) => {
  const register = (uri: string) =>
    completeMetadata({ redirect_uris: ['https://app.example/cb'], initiate_login_uri: uri }, { resources: [] })
  t.equal(register('https://app.example/login?a=b').initiate_login_uri, 'https://app.example/login?a=b')
  for (const uri of [
    'http://app.example/login',
    'http://localhost:3000/login',
    'com.example.app:/login',
    'https://app.example/login#part',
    'https://app.example/login?iss=https%3A%2F%2Fevil.example',
    'https://app.example/login?a=b&%69ss=https%3A%2F%2Fevil.example',
    'https://app.example/login?target_link_uri=https%3A%2F%2Fevil.example',
    'https://app.example/login?login_hint=ada',
  ])
    t.throws(() => register(uri), InvalidClientMetadata, uri)
})
