import { Auth, type AuthConfig } from '@auth/core'
import t from 'tap'
import { startSignet } from '../support/idp.ts'
import { passPages } from '../support/journey.ts'

const origin = 'http://localhost:3000'

t.test('Auth.js signs people in with an OpenID provider as documented, and knows name and address', async (t) => {
  const idp = await startSignet(t)
  const client = await idp.client({
    redirect_uris: [`${origin}/auth/callback/signet`],
    id_token_signed_response_alg: 'RS256',
    id_token_profile_claims: true,
  })
  const person = await idp.person({ name: 'Some Person' })
  const application = createApplication({
    providers: [
      {
        id: 'signet',
        name: 'Signet',
        type: 'oidc',
        issuer: idp.issuer,
        clientId: client.client_id,
        clientSecret: client.secret ?? '',
      },
    ],
  })
  t.equal((await application.session())?.user, undefined)

  const { csrfToken } = await (await application.send('/auth/csrf')).json()
  const authorization = await application.send('/auth/signin/signet', new URLSearchParams({ csrfToken }))
  const browser = idp.browser()
  const back = await passPages(browser, await browser.get(authorization.headers.get('location') ?? ''), person)
  t.ok(back.location?.startsWith(`${origin}/auth/callback/signet?`))

  const forged = new URL(back.location ?? '')
  forged.searchParams.set('iss', 'https://other.example')
  const refused = await application.send(forged.href.slice(origin.length))
  t.match(refused.headers.get('location'), /error=/, 'a response of another issuer is refused')
  t.equal((await application.session())?.user, undefined)

  await application.send((back.location ?? '').slice(origin.length))
  t.match((await application.session())?.user, { name: 'Some Person', email: person.email })
})

/** The application's side: Auth.js answers requests of a browser that keeps its cookies. */
function createApplication(config: Pick<AuthConfig, 'providers'>) {
  const cookies = new Map<string, string>()
  const send = async (path: string, form?: URLSearchParams): Promise<Response> => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const request = new Request(origin + path, {
      headers: { cookie },
      ...(form && { method: 'POST', body: form }),
    })
    const quiet = { error: () => {}, warn: () => {}, debug: () => {} }
    const response = await Auth(request, {
      ...config,
      basePath: '/auth',
      secret: 'a secret of at least 32 characters for the cookies',
      trustHost: true,
      logger: quiet,
    })
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (value === '') cookies.delete(name)
      else cookies.set(name, value)
    }
    return response
  }
  return {
    send,
    session: async (): Promise<{ user?: { name?: string; email?: string } } | null> =>
      (await send('/auth/session')).json(),
  }
}
