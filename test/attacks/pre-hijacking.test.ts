import t, { type Test } from 'tap'
import { invitePerson } from '../../src/operations/invite-person.ts'
import { digest } from '../../src/platform/secrets/digest.ts'
import { setEmailVerified } from '../../src/records/accounts/accounts-store.ts'
import type { Browser } from '../support/browser.ts'
import { decide, ofDevice, startDevice } from '../support/device.ts'
import { type Idp, type Person, startSignet, type TestClient } from '../support/idp.ts'
import { authorizationParameters, type Pkce, passPages, pkce, signIn } from '../support/journey.ts'
import { mailsTo, newestMailTo } from '../support/mails.ts'
import { askForLink, newPassword, setPassword } from '../support/recovery.ts'
import {
  addressOf,
  codeTo,
  linkTo,
  newEmail,
  type SignedUp,
  signInWith,
  signUp,
  subOf,
} from '../support/verification.ts'
import { clearLimits } from './guesses.ts'

/*
 * The five classes of attack in Sudhodanan and Paverd, "Pre-hijacked accounts: An Empirical Study of Security Failures in User Account Creation on the
 * Web", USENIX Security 2022. The attacker knows the victim's address, and prepares an account before the victim comes. All classes have one cause
 * (§6): an address is used before somebody has proven to read its mail.
 *
 * Two of the classes are about a service that people sign in to through an identity provider. Signet is the provider, and offers no such sign-in
 * itself. So these two have an application of Signet that merges its users by `email_verified`, and the accounts that come to Signet in other ways:
 * invitations, and accounts that an operator makes.
 */

for (const mode of ['required', 'optional'] as const) {
  const isRequired = mode === 'required'

  t.test(`SIGNET_EMAIL_VERIFICATION=${mode}`, async (t) => {
    const idp = await startSignet(t, { SIGNET_EMAIL_VERIFICATION: mode })
    t.beforeEach(() => clearLimits(idp))
    const client = await idp.client()
    const query = async (text: string, values: unknown[]) => (await idp.signet.database.query({ text, values })).rows

    /** Enters the code of the newest mail on the page that waits for it. */
    const verify = async ({ browser, email }: SignedUp) =>
      browser.submit(await browser.get('/verify-email'), 'code', { code: await codeTo(idp, email) })

    /** Signs up and verifies the address. */
    const verified = async (email: string): Promise<SignedUp & { readonly person: Person }> => {
      const signedUp = await signUp(idp, { email })
      await verify(signedUp)
      const sub = await subOf(idp, email)
      t.same(await addressOf(idp, sub), { email, verified: true })
      return { ...signedUp, person: { sub, email, username: email, password: signedUp.password } as Person }
    }

    /** Which account a browser is signed in to, by what an application learns. Undefined if it learns nothing. */
    const learnedBy = async (browser: Browser) => (await tokensFor(idp, client, browser))?.claims
    const mustLearn = async (browser: Browser): Promise<Claims> => {
      const claims = await learnedBy(browser)
      if (!claims) throw new Error('The application learns nothing.')
      return claims
    }

    t.test(
      'classic-federated merge: an application that merges by verified address never gives the attacker the victim’s account',
      async (t) => {
        const users = mergingApplication()
        const email = newEmail()
        const attacker = await signUp(idp, { email })
        const before = await learnedBy(attacker.browser)
        t.equal(before?.email_verified ?? false, false)
        const ofAttacker = before && users.signIn(before)
        const victim = await verified(email)
        const ofVictim = users.signIn(await mustLearn(victim.browser))
        t.not(ofAttacker, ofVictim)
        for (const browser of [attacker.browser, await signedInBrowser(idp, email, attacker.password)]) {
          const claims = await learnedBy(browser)
          t.notMatch(claims, { email_verified: true })
          if (claims) t.not(users.signIn(claims), ofVictim)
        }
      },
    )

    t.test(
      'classic-federated merge: an invitation does not merge with the account that the attacker made',
      async (t) => {
        const email = newEmail()
        const attacker = await signUp(idp, { email })
        const trap = await linkTo(idp, email)
        const invited = await invitePerson(
          idp.signet,
          { kind: 'operator', by: 'alice@bastion' },
          { email, name: 'Victim', groups: [], validForDays: 7 },
          { by: 'mail', secrets: idp.signet.secrets, locale: undefined },
        )
        const link = invited.outcome === 'invited' ? invited.link : t.fail(invited.outcome)
        const victim = idp.browser()
        await victim.submit(await victim.get(String(link)), 'password', { password: newPassword })
        const claims = await learnedBy(victim)
        t.match(claims, { email, email_verified: true })
        await isApart(t, attacker, claims?.sub)
        t.not(
          (await attacker.browser.submit(await attacker.browser.get(trap), 'verify').catch(() => undefined))?.status,
          303,
        )
        t.equal((await learnedBy(attacker.browser))?.email_verified ?? false, false)
      },
    )

    t.test(
      'classic-federated merge: an account that an operator makes does not merge with the one that the attacker made',
      async (t) => {
        for (const isVouchedFor of [true, false]) {
          const email = newEmail()
          const attacker = await signUp(idp, { email })
          const person = await idp.person({ email })
          if (isVouchedFor) await setEmailVerified(idp.signet.database, person.sub)
          const browser = await signedInBrowser(idp, email, person.password)
          t.match(await learnedBy(browser), { sub: person.sub, email, email_verified: isVouchedFor })
          await isApart(t, attacker, person.sub)
        }
      },
    )

    t.test('unexpired session identifier: a session from before never reaches the account of the victim', async (t) => {
      const email = newEmail()
      const attacker = await signUp(idp, { email })
      const tokens = await tokensFor(idp, client, attacker.browser)
      t.equal(tokens === undefined, isRequired, 'required: there is not even a code')
      const victim = await verified(email)
      await isApart(t, attacker, victim.person.sub)
      const later = tokens && (await userinfo(idp, tokens.accessToken))
      t.notMatch(later, { email_verified: true })
      t.not(later?.sub, victim.person.sub)
    })

    t.test(
      'unexpired session identifier: a new password ends whatever the attacker has opened in the account',
      async (t) => {
        const victim = await verified(newEmail())
        const { person } = victim
        // The attacker has found out the password, and leaves something of every kind behind.
        const attacker = await signedInBrowser(idp, person.email, person.password)
        const tokens = await tokensFor(idp, client, attacker)
        if (!tokens) throw new Error('The attacker does not get in.')
        const inFlight = await signIn(idp, client, { browser: attacker, person })
        const device = await idp.client(ofDevice)
        const [connected, allowed, asked] = await Promise.all([1, 2, 3].map(() => startDevice(idp, device)))
        await decide(attacker, person, connected!)
        await decide(attacker, person, allowed!)
        const ofDeviceBefore = await connected!.poll()
        t.equal(ofDeviceBefore.status, 200)
        const openPage = await attacker.get('/account')
        const openDevice = await attacker.submit(
          await attacker.get(asked!.issued.verification_uri_complete),
          'continue',
        )

        await askForLink(idp.browser(), person.email)
        t.equal((await setPassword(idp.browser(), await linkTo(idp, person.email))).status, 303)

        t.equal((await attacker.get('/account')).status, 303, 'the session')
        t.match(
          (await attacker.submit(openPage, 'profile-save', { name: 'Mallory' })).location,
          '/sign-in',
          'an open page',
        )
        t.equal(await userinfo(idp, tokens.accessToken), undefined, 'an access token')
        for (const [owner, token] of [
          [client, tokens.refreshToken],
          [device, ofDeviceBefore.body.refresh_token],
        ] as const)
          t.equal(
            (await idp.token(owner, { grant_type: 'refresh_token', refresh_token: token })).body.error,
            'invalid_grant',
          )
        t.equal((await inFlight.redeem()).body.error, 'invalid_grant', 'a code in flight')
        t.not((await allowed!.poll()).status, 200, 'a device that was allowed and has not asked yet')
        await attacker.submit(openDevice, 'allow', { decision: 'allow' })
        t.not((await asked!.poll()).status, 200, 'a device whose page was open')
        t.equal((await signInWith(idp.browser(), person.email, person.password)).status, 403, 'the password')
      },
    )

    t.test(
      'unexpired session identifier: an application that the attacker allowed asks the victim after the new password',
      async (t) => {
        const { person } = await verified(newEmail())
        const attacker = await signedInBrowser(idp, person.email, person.password)
        const planted = await idp.client({ client_name: 'The attacker’s application' })
        t.ok(await tokensFor(idp, planted, attacker))
        await askForLink(idp.browser(), person.email)
        await setPassword(idp.browser(), await linkTo(idp, person.email))
        const victim = await signedInBrowser(idp, person.email, newPassword)
        // The victim is lured to the application, which asks without showing anything.
        const silent = await victim.get(authorizeHref(planted, pkce(), { prompt: 'none' }))
        t.equal(new URL(silent.location ?? '').searchParams.get('error'), 'consent_required')
      },
    )

    t.test(
      'trojan identifier: a user name that the attacker has added leads nowhere near the victim’s account',
      async (t) => {
        const email = newEmail()
        const attacker = await signUp(idp, { email })
        const username = `trojan.${email.slice(0, 6)}`
        const page = await attacker.browser.get('/account/sign-in')
        t.equal(page.status, isRequired ? 303 : 200)
        if (!isRequired)
          await attacker.browser.submit(page, 'sign-in-save', {
            username,
            email,
            'confirm-password': attacker.password,
          })
        // The victim cannot be led into the account that is there: it is not recovered, and signing up makes another one.
        t.same(
          (await mailsTo(idp, email)).map(({ code }) => code !== undefined),
          [true],
        )
        for (const name of [email, username]) await askForLink(attacker.browser, name)
        t.equal((await mailsTo(idp, email)).length, 1, 'no link to set a password of the attacker’s account')
        const victim = await verified(email)
        await isApart(t, { ...attacker, email: username }, victim.person.sub)
        await isApart(t, attacker, victim.person.sub)
      },
    )

    t.test('trojan identifier: a name that a thief has added does not survive as a way in', async (t) => {
      const { person } = await verified(newEmail())
      const thief = await signedInBrowser(idp, person.email, person.password)
      const username = `trojan.${person.email.slice(0, 6)}`
      const form = { username, email: person.email, 'confirm-password': person.password }
      await thief.submit(await thief.get('/account/sign-in'), 'sign-in-save', form)
      t.same(await query('SELECT username FROM accounts WHERE sub = $1', [person.sub]), [{ username }])
      await askForLink(idp.browser(), person.email)
      await setPassword(idp.browser(), await linkTo(idp, person.email))
      t.equal((await signInWith(thief, username, person.password)).status, 403)
      await askForLink(thief, username)
      t.match(await newestMailTo(idp, person.email), { subject: /new password/i }, 'a link goes to the victim only')
    })

    t.test(
      'trojan identifier: an attacker who moves an account of their own to the victim’s address never has it there',
      async (t) => {
        const own = newEmail()
        const attacker = await verified(own)
        const email = newEmail()
        const save = { email, 'confirm-password': attacker.password }
        await attacker.browser.submit(await attacker.browser.get('/account/sign-in'), 'sign-in-save', save)
        const { link = '', code } = await newestMailTo(idp, email)
        t.ok(code)
        // The victim opens the mail: signed out, and signed in to an account of their own, whose password they try.
        const victim = await signUp(idp, { email })
        for (const browser of [idp.browser(), victim.browser]) {
          const opened = await browser.get(link)
          t.equal((await browser.submit(opened, 'verify', { password: victim.password })).status, 403)
          t.same(await addressOf(idp, attacker.person.sub), { email: own, verified: true })
        }
        await verify(victim)
        t.not((await attacker.browser.submit(await attacker.browser.get(link), 'verify')).status, 303)
        t.same(await addressOf(idp, attacker.person.sub), { email: own, verified: true })
        t.same(
          await query('SELECT FROM email_changes WHERE sub = $1', [attacker.person.sub]),
          [],
          'nor a link to undo it',
        )
        await isApart(t, { ...attacker, email: own }, await subOf(idp, email))
      },
    )

    t.test(
      'unexpired email change: one that the attacker has begun changes nothing of the victim’s account',
      async (t) => {
        const email = newEmail()
        const theirs = newEmail()
        const attacker = await signUp(idp, { email })
        if (isRequired)
          await attacker.browser.submit(attacker.page, 'send-there', { email: theirs, password: attacker.password })
        else
          await attacker.browser.submit(await attacker.browser.get('/account/sign-in'), 'sign-in-save', {
            ...{ email: theirs, 'confirm-password': attacker.password },
          })
        const link = await linkTo(idp, theirs)
        const code = await codeTo(idp, theirs)
        const victim = await verified(email)
        await attacker.browser.submit(await attacker.browser.get('/verify-email'), 'code', { code })
        t.equal((await attacker.browser.follow(await attacker.browser.get(link))).status, 200)
        t.same(await addressOf(idp, victim.person.sub), { email, verified: true })
        t.match(await learnedBy(victim.browser), { sub: victim.person.sub, email, email_verified: true })
        const moved = await learnedBy(attacker.browser)
        t.match(moved, { email: theirs, email_verified: true }, 'it is the attacker’s own account that has moved')
        t.not(moved?.sub, victim.person.sub)
      },
    )

    t.test(
      'unexpired email change: one that a thief has begun cannot be confirmed after the new password',
      async (t) => {
        const { person } = await verified(newEmail())
        const thief = await signedInBrowser(idp, person.email, person.password)
        const theirs = newEmail()
        const form = { email: theirs, 'confirm-password': person.password }
        const waiting = await thief.follow(
          await thief.submit(await thief.get('/account/sign-in'), 'sign-in-save', form),
        )
        const { link = '', code = '' } = await newestMailTo(idp, theirs)
        const opened = await idp.browser().get(link)
        await askForLink(idp.browser(), person.email)
        await setPassword(idp.browser(), await linkTo(idp, person.email))
        t.match((await thief.submit(waiting, 'code', { code })).location, '/sign-in')
        for (const password of [person.password, newPassword])
          t.equal((await idp.browser().submit(opened, 'verify', { password })).status, 410)
        t.equal((await thief.get(link)).status, 410)
        const victim = await signedInBrowser(idp, person.email, newPassword)
        t.notMatch((await victim.get('/account/sign-in')).text, theirs)
        t.same(await addressOf(idp, person.sub), { email: person.email, verified: true })
      },
    )

    t.test(
      'non-verifying identity provider: no application learns an address as verified unless somebody has proven it here',
      async (t) => {
        const email = newEmail()
        const attacker = await signUp(idp, { email })
        const own = await verified(newEmail())
        const save = { email, 'confirm-password': own.password }
        await own.browser.submit(await own.browser.get('/account/sign-in'), 'sign-in-save', save)
        const made = await idp.person({ email })
        const ofOperator = await signedInBrowser(idp, made.username, made.password)
        for (const browser of [attacker.browser, own.browser, ofOperator])
          for (const { id, user } of await allClaims(idp, client, browser))
            for (const claims of [id, user]) t.notMatch(claims, { email, email_verified: true })
        t.same(await query('SELECT FROM account_emails WHERE email = $1 AND verified_at IS NOT NULL', [email]), [])
        // Neither opening the link nor the wrong button is a proof.
        const { link = '' } = await newestMailTo(idp, email)
        await idp.browser().get(link)
        await idp.browser().submit(await idp.browser().get(link), 'disown')
        for (const browser of [attacker.browser, own.browser])
          for (const { id, user } of await allClaims(idp, client, browser))
            for (const claims of [id, user]) t.notMatch(claims, { email, email_verified: true })
      },
    )

    /** The attacker is signed in to another account than the victim's, in the browser from before and in new ones, or to none. */
    async function isApart(t: Test, attacker: Pick<SignedUp, 'browser' | 'email' | 'password'>, sub: unknown) {
      t.type(sub, 'string')
      for (const browser of [attacker.browser, await signedInBrowser(idp, attacker.email, attacker.password)]) {
        const cookie = browser.cookies.get(browser.names.session) ?? ''
        const subs = await query('SELECT sub FROM sessions WHERE digest = $1 AND ended_at IS NULL', [digest(cookie)])
        t.notMatch(subs, [{ sub }])
        t.not((await learnedBy(browser))?.sub, sub)
      }
    }
  })
}

/** A browser in which a name and a password were tried. It is signed in if they are right. */
async function signedInBrowser(idp: Idp, name: string, password: string): Promise<Browser> {
  const browser = idp.browser()
  await signInWith(browser, name, password)
  return browser
}

function authorizeHref(client: TestClient, proof: Pkce, more: Record<string, string> = {}): string {
  const scope = 'openid profile email offline_access'
  return `/authorize?${new URLSearchParams(authorizationParameters(client, proof, { scope, ...more }))}`
}

/** What an application gets for the person who is signed in to a browser, who allows everything. Undefined if it gets nothing. */
async function tokensFor(idp: Idp, client: TestClient, browser: Browser) {
  const proof = pkce()
  const nobody = { username: 'nobody', password: 'nothing' } as Person
  const back = await passPages(browser, await browser.get(authorizeHref(client, proof)), nobody)
  const code = back.location && new URL(back.location).searchParams.get('code')
  if (!code) return undefined
  const { body } = await idp.token(client, {
    ...{ grant_type: 'authorization_code', code, redirect_uri: client.redirect_uris[0] ?? '' },
    code_verifier: proof.verifier,
  })
  const claims = await userinfo(idp, body.access_token)
  const idToken = JSON.parse(Buffer.from(body.id_token.split('.')[1], 'base64url').toString()) as Claims
  return { accessToken: body.access_token as string, refreshToken: body.refresh_token as string, idToken, claims }
}

interface Claims {
  readonly sub: string
  readonly email?: string
  readonly email_verified?: boolean
}

async function userinfo(idp: Idp, accessToken: string): Promise<Claims | undefined> {
  const answer = await fetch(`${idp.issuer}/userinfo`, { headers: { authorization: `Bearer ${accessToken}` } })
  return answer.status === 200 ? ((await answer.json()) as Claims) : undefined
}

/** The claims in the ID token and at userinfo, in a list that is empty if the application gets nothing. */
async function allClaims(idp: Idp, client: TestClient, browser: Browser) {
  const tokens = await tokensFor(idp, client, browser)
  return tokens ? [{ id: tokens.idToken, user: tokens.claims }] : []
}

/** An application with users of its own. It gives one user to everybody with the same verified address, as many do. */
function mergingApplication() {
  const users = new Map<string, number>()
  return {
    signIn: ({ sub, email, email_verified }: Claims): number => {
      const keys = [sub, ...(email_verified && email ? [email] : [])]
      const user = keys.map((key) => users.get(key)).find((one) => one !== undefined) ?? users.size + 1
      for (const key of keys) users.set(key, user)
      return user
    },
  }
}
