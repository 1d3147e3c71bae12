import express from 'express'
import { expressjwt } from 'express-jwt'
import jwksRsa from 'jwks-rsa'

// The sample of express-jwt with jwks-rsa.
const { ISSUER, AUDIENCE, PORT } = process.env

const app = express()
app.get(
  '/protected',
  expressjwt({
    secret: jwksRsa.expressJwtSecret({
      cache: true,
      rateLimit: true,
      jwksRequestsPerMinute: 5,
      jwksUri: `${ISSUER}/.well-known/jwks.json`,
    }),
    audience: AUDIENCE,
    issuer: ISSUER,
    algorithms: ['RS256'],
  }),
  (request, response) => response.json(request.auth),
)

app.listen(Number(PORT), '127.0.0.1')
