import express from 'express'
import session from 'express-session'
import passport from 'passport'
import OpenIDConnectStrategy from 'passport-openidconnect'

// The sample of passport-openidconnect's README, with the scopes of its example application.
const { ISSUER, CLIENT_ID, CLIENT_SECRET, BASE_URL, PORT } = process.env

passport.use(
  new OpenIDConnectStrategy(
    {
      issuer: ISSUER,
      authorizationURL: `${ISSUER}/authorize`,
      tokenURL: `${ISSUER}/token`,
      userInfoURL: `${ISSUER}/userinfo`,
      clientID: CLIENT_ID,
      clientSecret: CLIENT_SECRET,
      callbackURL: `${BASE_URL}/cb`,
      scope: ['profile', 'email'],
      // It cannot send PKCE.
      nonce: true,
    },
    (_issuer, profile, done) => done(null, profile),
  ),
)
passport.serializeUser((user, done) => done(null, user))
passport.deserializeUser((user, done) => done(null, user))

const app = express()
app.use(session({ secret: 'only for this trial', resave: false, saveUninitialized: false }))
app.use(passport.session())

app.get('/login', passport.authenticate('openidconnect'))

app.get('/cb', passport.authenticate('openidconnect', { failWithError: true }), (_request, response) =>
  response.redirect('/me'),
)

app.get('/me', (request, response) => {
  if (!request.user) return response.sendStatus(401)
  const { id, displayName, emails } = request.user
  response.json({ sub: id, name: displayName, email: emails?.[0]?.value })
})

app.get('/logout', (request, response, next) => {
  request.logout((error) => (error ? next(error) : response.redirect('/me')))
})

app.listen(Number(PORT), '127.0.0.1')
