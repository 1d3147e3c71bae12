// The floor: the cost of signing a JWT, or of sending bytes from memory, without anything else that an identity provider does.
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { createServer } from 'node:http'

const keys = {
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
}
/** @param {'ES256' | 'RS256'} alg */
const encodedHeader = (alg) => Buffer.from(JSON.stringify({ alg, typ: 'at+jwt', kid: alg })).toString('base64url')
const headers = { ES256: encodedHeader('ES256'), RS256: encodedHeader('RS256') }
/** @param {'ES256' | 'RS256'} alg */
const publicJwk = (alg) => ({ ...keys[alg].publicKey.export({ format: 'jwk' }), alg, use: 'sig', kid: alg })
const jwks = JSON.stringify({ keys: [publicJwk('ES256'), publicJwk('RS256')] })

/** @param {string} issuer @param {'ES256' | 'RS256'} alg */
function token(issuer, alg) {
  const now = Math.floor(Date.now() / 1000)
  const scope = alg === 'ES256' ? 'api:read' : 'reports:read'
  const claims = {
    ...{ iss: issuer, sub: 'client', aud: 'https://api.example', client_id: 'client', scope },
    ...{ iat: now, exp: now + 900, jti: randomBytes(16).toString('base64url') },
  }
  const input = `${headers[alg]}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`
  const signature = sign('sha256', Buffer.from(input), { key: keys[alg].privateKey, dsaEncoding: 'ieee-p1363' })
  const access_token = `${input}.${signature.toString('base64url')}`
  return JSON.stringify({ access_token, token_type: 'Bearer', expires_in: 900, scope })
}

const server = createServer((request, response) => {
  request.resume().on('end', () => {
    response.setHeader('content-type', 'application/json')
    response.setHeader('cache-control', 'no-store')
    if (request.url === '/ES256' || request.url === '/RS256')
      response.end(token(issuer, request.url === '/ES256' ? 'ES256' : 'RS256'))
    else response.end(request.url === '/jwks' ? jwks : metadata)
  })
})
server.listen(0, '127.0.0.1')
await new Promise((resolve) => server.once('listening', resolve))
const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
const issuer = `http://127.0.0.1:${port}`
// As long as the metadata of the other servers.
const metadata = JSON.stringify({ issuer, jwks_uri: `${issuer}/jwks`, filler: '.'.repeat(2_000) })
process.stdout.write(`ready ${issuer}\n`)
