// The floor: what signing a JWT and answering costs without anything an identity provider does besides.
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { createServer } from 'node:http'

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const header = Buffer.from(
  JSON.stringify({ alg: 'ES256', typ: 'at+jwt', kid: randomBytes(32).toString('base64url') }),
).toString('base64url')

createServer((request, response) => {
  request.resume().on('end', () => {
    const now = Math.floor(Date.now() / 1000)
    const claims = {
      iss: 'http://localhost:4100',
      sub: 'client',
      aud: 'https://api.example',
      client_id: 'client',
      scope: 'api:read',
      iat: now,
      exp: now + 900,
      jti: randomBytes(16).toString('base64url'),
    }
    const input = `${header}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`
    const signature = sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' })
    const body = {
      access_token: `${input}.${signature.toString('base64url')}`,
      token_type: 'Bearer',
      expires_in: 900,
      scope: 'api:read',
    }
    response.setHeader('content-type', 'application/json')
    response.setHeader('cache-control', 'no-store')
    response.end(JSON.stringify(body))
  })
}).listen(Number(process.env.PORT), '127.0.0.1', () => {
  const target = {
    url: `http://127.0.0.1:${process.env.PORT}/`,
    clientId: 'client',
    secret: 'secret',
    scope: 'api:read',
  }
  process.stdout.write(`ready ${JSON.stringify(target)}\n`)
})
