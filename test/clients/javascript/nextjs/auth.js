import NextAuth from 'next-auth'

const { ISSUER, CLIENT_ID, CLIENT_SECRET } = process.env

// A provider of type "oidc", as the guide of Auth.js has it. The two callbacks only make `sub` visible, which Auth.js keeps from the
// application.
export const { handlers, auth } = NextAuth({
  providers: [
    { id: 'signet', name: 'Signet', type: 'oidc', issuer: ISSUER, clientId: CLIENT_ID, clientSecret: CLIENT_SECRET },
  ],
  callbacks: {
    jwt: ({ token, profile }) => (profile ? { ...token, sub: profile.sub } : token),
    session: ({ session, token }) => ({ ...session, user: { ...session.user, sub: token.sub } }),
  },
})
