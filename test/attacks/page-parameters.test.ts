import t, { type Test } from 'tap'
import { type Idp, startSignet } from '../support/idp.ts'
import { invited } from '../support/invitations.ts'
import { authorizationParameters, pkce, signIn } from '../support/journey.ts'
import { type Mutation, mutationNames, mutations, unreadable, wireOf, write } from './mutations.ts'
import { faultsOf } from './plain-answer.ts'
import { type Answer, postForm, send } from './send.ts'

const idp = await startSignet(t)

const bye = 'https://app.example/bye'

/** Status of the page, or the redirect's target. */
const outcomeOf = ({ status, location, text }: Answer): string | number => {
  if (location !== undefined) return location.replace(/[?#].*/s, '')
  return text.startsWith('<!doctype html>') ? status : `no page, status ${status}`
}

/** Outcomes of each mutation that leaves the parameter readable. */
interface Outcomes {
  readonly missing: string | number
  readonly '8 KB long': string | number
  readonly 'of a wrong type': string | number
}

const outcomes = (missing: string | number, wrongType = missing, long = wrongType): Outcomes => ({
  missing,
  '8 KB long': long,
  'of a wrong type': wrongType,
})

function expected(outcome: Outcomes, mutation: Mutation): string | number {
  if (unreadable.has(mutation)) return 400
  if (mutation === '8 KB long' || mutation === 'of a wrong type') return outcome[mutation]
  return outcome.missing
}

interface Attack {
  readonly good: Record<string, string>
  readonly table: Record<string, Outcomes>
  readonly ask: (encoded: string) => Promise<Answer>
}

async function attack(t: Test, idp: Idp, { good, table, ask }: Attack): Promise<void> {
  for (const [name, outcome] of Object.entries(table))
    await t.test(name, async (t) => {
      await idp.signet.database.query({ text: 'DELETE FROM rate_limits' })
      for (const mutation of mutationNames) {
        const answer = await ask(write(mutations[mutation](wireOf(good), name)))
        t.same(faultsOf(answer), [], mutation)
        t.equal(outcomeOf(answer), expected(outcome, mutation), mutation)
      }
    })
}

t.test('every parameter of every form, corrupted in every way', async (t) => {
  const client = await idp.client({ post_logout_redirect_uris: [bye] })
  const journey = await signIn(idp, client)
  const cookies = (journeyOf = journey) =>
    [...journeyOf.browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  const post = (path: string, cookie = '') => {
    return (form: string) => postForm(idp, path, form, { origin: idp.issuer, ...(cookie ? { cookie } : {}) })
  }
  const authorize = (more: Record<string, string> = {}) =>
    `/authorize?${new URLSearchParams(authorizationParameters(client, pkce(), more))}`
  const sealed = (location: string | undefined) =>
    new URL(location ?? '', idp.issuer).searchParams.get('continue') ?? ''
  const waiting = sealed((await idp.browser().get(authorize())).location)

  t.test('/sign-in', (t) =>
    attack(t, idp, {
      good: { username: 'nobody@example.com', password: 'wrong', continue: waiting, csrf: 'x' },
      table: {
        username: outcomes(422, 403),
        password: outcomes(422, 403),
        // Without one, it is a sign-in without a request.
        continue: outcomes(403, 400),
        // The Origin header has decided.
        csrf: outcomes(403),
        not_a_parameter: outcomes(403),
      },
      ask: post('/sign-in'),
    }),
  )

  t.test('/sign-up', (t) =>
    attack(t, idp, {
      good: { name: 'Somebody', email: 'new@example.com', password: 'short', continue: waiting, csrf: 'x' },
      table: {
        name: outcomes(422),
        email: outcomes(422),
        password: outcomes(422),
        continue: outcomes(422, 400),
        csrf: outcomes(422),
        not_a_parameter: outcomes(422),
      },
      ask: post('/sign-up'),
    }),
  )

  t.test('/sign-up with an invitation', async (t) => {
    const invitation = (await invited(idp, 'invited@example.com')).split('=')[1] ?? ''
    await attack(t, idp, {
      good: { invitation, name: 'Somebody', password: 'short', csrf: 'x' },
      table: {
        // Without one, it is a sign-up without an address.
        invitation: outcomes(422, 410),
        name: outcomes(422),
        password: outcomes(422),
        csrf: outcomes(422),
        not_a_parameter: outcomes(422),
      },
      ask: post('/sign-up'),
    })
  })

  t.test('/consent, and nothing was allowed by any of it', async (t) => {
    const page = await journey.browser.follow(await journey.browser.get(authorize({ prompt: 'consent' })))
    const value = (name: string) => new RegExp(`name="${name}" value="([^"]*)"`).exec(page.text)?.[1] ?? ''
    const good = { csrf: value('csrf'), continue: value('continue'), account: value('account'), decision: 'allow' }
    const granted = async () =>
      (await idp.signet.database.query({ text: 'SELECT count(*) AS n FROM grants' })).rows[0]?.['n'] as number
    const before = await granted()
    await attack(t, idp, {
      good,
      table: {
        continue: outcomes(400),
        // It is unknown whom the page described, so the person is asked again.
        account: outcomes('/authorize'),
        // Anything but "allow" means no.
        decision: outcomes('https://app.example/callback'),
      },
      ask: post('/consent', cookies()),
    })
    t.equal(await granted(), before)
    t.equal(outcomeOf(await post('/consent', cookies())(write(wireOf(good)))), 'https://app.example/callback')
    t.equal(await granted(), before + 1)
  })

  const idToken = (await journey.redeem()).body.id_token as string
  const logout = { client_id: client.client_id, post_logout_redirect_uri: bye, state: 's', id_token_hint: idToken }
  const logoutTable = {
    // One of the two that name the client is enough.
    id_token_hint: outcomes(bye, 400),
    client_id: outcomes(bye, 400),
    post_logout_redirect_uri: outcomes(200, 400),
    state: outcomes(bye, bye, 400),
    ui_locales: outcomes(bye, bye, 400),
    logout_hint: outcomes(bye, bye, 400),
  }

  t.test('/logout by GET', (t) =>
    attack(t, idp, {
      good: logout,
      table: logoutTable,
      ask: (query) => send(idp, { path: `/logout?${query}` }),
    }),
  )

  t.test('/logout by POST, and on to its redirect', (t) =>
    attack(t, idp, {
      good: logout,
      table: logoutTable,
      ask: async (form) => {
        const answer = await postForm(idp, '/logout', form)
        return answer.location?.startsWith('/logout?') ? send(idp, { path: answer.location }) : answer
      },
    }),
  )

  t.test('/logout/confirm, and nobody was signed out without confirming', async (t) => {
    const page = await journey.browser.get('/logout')
    const good = { csrf: 'x', continue: /name="continue" value="([^"]*)"/.exec(page.text)?.[1] ?? '' }
    const unconfirmed = mutationNames.filter((mutation) => unreadable.has(mutation))
    for (const mutation of unconfirmed)
      await post('/logout/confirm', cookies())(write(mutations[mutation](wireOf(good), 'continue')))
    t.match((await journey.browser.get('/')).text, journey.person.username)
    await attack(t, idp, {
      good,
      table: { continue: outcomes(200, 400), csrf: outcomes(200), not_a_parameter: outcomes(200) },
      ask: post('/logout/confirm'),
    })
  })

  t.test('pages by GET: a continue value that Signet did not seal leads nowhere', async (t) => {
    for (const path of ['/authorize', '/sign-in', '/sign-up', '/consent', '/logout'])
      for (const mutation of mutationNames) {
        if (mutation === 'missing' || mutation === 'empty') continue
        const answer = await send(idp, {
          path: `${path}?${write(mutations[mutation]([['continue', waiting]], 'continue'))}`,
        })
        t.same(faultsOf(answer), [], `${path} ${mutation}`)
        t.match(answer, { status: 400, location: undefined }, `${path} ${mutation}`)
      }
  })

  t.test('endpoints that take no parameters ignore all of them', async (t) => {
    const places = ['/', '/healthz', '/readyz', '/.well-known/jwks.json', '/assets/signet.css']
    places.push('/.well-known/openid-configuration', '/.well-known/oauth-authorization-server', '/sign-in', '/sign-up')
    for (const path of places) {
      const usual = await send(idp, { path })
      t.equal(usual.status, 200)
      for (const mutation of mutationNames) {
        const answer = await send(idp, {
          path: `${path}?${write(mutations[mutation]([['__proto__', 'x']], '__proto__'))}`,
        })
        t.same(faultsOf(answer), [], `${path} ${mutation}`)
        t.equal(answer.status, 200, `${path} ${mutation}`)
        t.equal(answer.text.length, usual.text.length, `${path} ${mutation}`)
      }
    }
  })
})

t.test('a state that no browser could return is refused before it is sealed', async (t) => {
  const answer = await postForm(idp, '/logout', write(wireOf({ state: 'x'.repeat(20_000) })))
  t.match(answer, { status: 400, location: undefined })
  t.same(faultsOf(answer), [])
})
