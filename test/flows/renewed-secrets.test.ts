import t from 'tap'
import { briefWait } from '../../src/platform/database/locked-transaction.ts'
import {
  currentMac,
  type Purpose,
  type PurposeSecret,
  purposes,
  sealText,
  unsealText,
} from '../../src/platform/secrets/purpose-secrets.ts'
import { endNextBatch } from '../../src/records/endings/decide-ending.ts'
import { decodeRefreshToken, encodeRefreshToken } from '../../src/tokens/refresh-token.ts'
import type { Browser, Visit } from '../support/browser.ts'
import { eventually, untilNothingIsLeft } from '../support/eventually.ts'
import { type Idp, startSignet } from '../support/idp.ts'
import { authorizationParameters, passPages, pkce, signIn } from '../support/journey.ts'

/* Two nodes on one database, which PostgreSQL notifies of changes. */

const bye = 'https://app.example/bye'
const one = await startSignet(t)
const two = await one.another()
const nodes = [one, two] as const
const { database } = one.signet
const operator = { by: 'test', reason: 'because' }
const client = await one.client({ token_endpoint_auth_method: 'none', post_logout_redirect_uris: [bye] })

/** The same browser, sent to another node by a load balancer. */
function elsewhere(browser: Browser, node: Idp): Browser {
  const other = node.browser()
  for (const [name, value] of browser.cookies) other.cookies.set(name, value)
  return other
}

const refresh = (node: Idp, token: string) => node.token(client, { grant_type: 'refresh_token', refresh_token: token })
const begin = async (browser: Browser, more: Record<string, string> = {}) =>
  browser.follow(await browser.get(`/authorize?${new URLSearchParams(authorizationParameters(client, pkce(), more))}`))
const inputOf = (page: Visit, name: string) => new RegExp(`name="${name}" value="([^"]*)"`).exec(page.text)?.[1] ?? ''

/** Signs in with a wrong password, as a browser does that does not say where the form comes from, so that its token decides. */
async function guess(node: Idp, browser: Browser, fields: Record<string, string>): Promise<string> {
  const base = `http://127.0.0.1:${node.signet.settings.port}`
  const response = await fetch(`${base}/sign-in`, {
    method: 'POST',
    redirect: 'manual',
    headers: { cookie: [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
    body: new URLSearchParams({ username: 'x', password: 'y', ...fields }),
  })
  return (await response.text()).includes('id="sign-in"') ? 'looked at' : `refused with ${response.status}`
}

/** The state of a person in the middle of everything. */
async function beginEverything() {
  const journey = await signIn(one, client)
  const tokens = (await journey.redeem()).body
  const pausedBrowser = one.browser()
  const paused = await begin(pausedBrowser)
  const consentBrowser = one.browser()
  const newcomer = await one.person()
  const consenting = await consentBrowser.submit(await begin(consentBrowser), 'sign-in', {
    username: newcomer.username,
    password: newcomer.password,
  })
  const consentPage = await consentBrowser.follow(await consentBrowser.get(consenting.location ?? ''))
  await signIn(one, client, { person: journey.person })
  const account = await journey.browser.get('/account/sessions')
  return { journey, tokens, paused, pausedBrowser, consentPage, consentBrowser, account }
}

const isCurrent = (version: number, wanted: readonly Purpose[] = purposes) =>
  eventually(`version ${version} to be in use on both nodes`, () =>
    nodes.every(({ signet }) => wanted.every((purpose) => signet.secrets[purpose].current === version)),
  )

t.test('whatever began before secrets are renewed can be completed afterwards, on either node', async (t) => {
  const began = await Promise.all([beginEverything(), beginEverything()])
  const logouts = await Promise.all(nodes.map(() => signIn(one, client)))
  const hints = await Promise.all(logouts.map(async ({ redeem }) => (await redeem()).body.id_token as string))

  await one.signet.secrets.renew(operator, purposes, briefWait)
  await eventually('both nodes to know the new versions', () =>
    nodes.every(({ signet }) => purposes.every((purpose) => signet.secrets[purpose].versions.has(2))),
  )
  for (const { signet } of nodes) for (const purpose of purposes) t.equal(signet.secrets[purpose].current, 1)
  await database.query({ text: 'UPDATE purpose_secrets SET activates_at = now() WHERE version = 2' })
  await isCurrent(2)

  for (const [index, node] of nodes.entries()) {
    const { journey, tokens, paused, pausedBrowser, consentPage, consentBrowser, account } = began[index]!
    const { person } = journey
    // The sealed request, and the form of the page that it leads to.
    const entering = elsewhere(pausedBrowser, node)
    const form = { csrf: inputOf(paused, 'csrf'), continue: inputOf(paused, 'continue') }
    t.equal(await guess(node, entering, form), 'looked at')
    const entered = await passPages(entering, await entering.get(paused.url), person)
    t.match(entered.location, /^https:\/\/app\.example\/callback\?code=/)
    // The consent page, whose form is bound to its request.
    const allowed = await elsewhere(consentBrowser, node).submit(consentPage, 'allow', { decision: 'allow' })
    t.match(allowed.location, /^https:\/\/app\.example\/callback\?code=/)
    // A form of the account page, bound to the person, with the sealed handle of another session.
    const ended = await elsewhere(journey.browser, node).submit(account, 'end-session-2')
    t.match(ended.location, /\/account\/sessions\?notice=session-ended$/)
    // The refresh token. The next one has its family's version, so that a backup from before the renewal still accepts it.
    const next = await refresh(node, tokens.refresh_token)
    t.equal(next.status, 200)
    t.match(decodeRefreshToken(node.signet.secrets['refresh-mac'], next.body.refresh_token), {
      version: 1,
      generation: 1,
    })
    t.equal((await refresh(nodes[1 - index]!, next.body.refresh_token)).status, 200)
    // Signing out with an ID token from before the renewal, without being asked.
    const left = await elsewhere(logouts[index]!.browser, node).get(
      `/logout?${new URLSearchParams({ id_token_hint: hints[index] ?? '', post_logout_redirect_uri: bye })}`,
    )
    t.equal(left.location, bye)
  }
})

t.test('a session keeps its sid when secrets are renewed, also when the person signs in again', async (t) => {
  const sidOf = (idToken: string) => JSON.parse(Buffer.from(idToken.split('.')[1] ?? '', 'base64url').toString()).sid
  const first = await signIn(one, client)
  const { sid_version: version } = (
    await database.query({ text: 'SELECT sid_version FROM sessions ORDER BY id DESC LIMIT 1' })
  ).rows[0]
  t.equal(version, 2, 'a new session uses the version in use')
  const sid = sidOf((await first.redeem()).body.id_token)
  await one.signet.secrets.renew(operator, ['session-id'], briefWait)
  await database.query({ text: 'UPDATE purpose_secrets SET activates_at = now() WHERE version = 3' })
  await isCurrent(3, ['session-id'])
  for (const parameters of [{}, { prompt: 'login' }]) {
    const again = await signIn(two, client, {
      browser: elsewhere(first.browser, two),
      person: first.person,
      parameters: parameters as Record<string, string>,
    })
    first.browser.cookies.clear()
    for (const [name, value] of again.browser.cookies) first.browser.cookies.set(name, value)
    const tokens = await two.token(client, {
      grant_type: 'authorization_code',
      code: again.code,
      redirect_uri: client.redirect_uris[0] ?? '',
      code_verifier: again.pkce.verifier,
    })
    t.equal(sidOf(tokens.body.id_token), sid)
  }
})

t.test('once secrets have leaked, nothing forged with them is accepted on any node', async (t) => {
  const stolen = Object.fromEntries(purposes.map((purpose) => [purpose, one.signet.secrets[purpose]])) as Record<
    Purpose,
    PurposeSecret
  >
  const { journey, tokens, pausedBrowser, paused } = await beginEverything()
  const bystander = await signIn(one, client, { parameters: { scope: 'openid' } })
  const online = (await bystander.redeem()).body
  const { family, version } = decodeRefreshToken(stolen['refresh-mac'], tokens.refresh_token)!
  const forgedToken = (generation: number) => encodeRefreshToken(stolen['refresh-mac'], version, { family, generation })
  const forgedRequest = () => {
    const sealed = new URL(paused.url).searchParams.get('continue') ?? ''
    const text = unsealText(stolen['request-sealing'], sealed, 'authorization-request') ?? ''
    return sealText(stolen['request-sealing'], text, 'authorization-request')
  }
  const browserCookie = pausedBrowser.cookies.get(pausedBrowser.names.browser) ?? ''
  const attempts = async (node: Idp) => ({
    request: (await elsewhere(pausedBrowser, node).get(`/sign-in?continue=${forgedRequest()}`)).status,
    form: await guess(node, pausedBrowser, { csrf: currentMac(stolen.csrf, browserCookie).toString('base64url') }),
  })
  for (const node of nodes)
    t.same(await attempts(node), { request: 200, form: 'looked at' }, 'as valid as a genuine one, before')
  const victim = decodeRefreshToken(
    stolen['refresh-mac'],
    (await (await signIn(one, client)).redeem()).body.refresh_token,
  ) as { family: Buffer; version: number }
  const newer = encodeRefreshToken(stolen['refresh-mac'], victim.version, { family: victim.family, generation: 5 })
  t.equal((await refresh(two, newer)).status, 200, 'with an old token of a family, newer ones can be forged, too')
  const before = (await database.query({ text: 'SELECT max(id) AS id FROM events' })).rows[0].id

  const { renewals } = await one.signet.secrets.revoke(operator, purposes, briefWait)
  const gone = () => nodes.every(({ signet }) => !signet.secrets.csrf.versions.has(stolen.csrf.current))
  await eventually('both nodes to be notified', gone)
  t.equal(renewals.length, purposes.length)
  for (const node of nodes) {
    t.same(await attempts(node), { request: 400, form: 'refused with 403' })
    for (const generation of [0, 1, 7])
      t.match(await refresh(node, forgedToken(generation)), { status: 400, body: { error: 'invalid_grant' } })
  }

  t.test('whatever must end ends with its event, and nothing else does', async (t) => {
    await untilNothingIsLeft('all rows to follow', () => endNextBatch(database))
    const { rows } = await database.query({
      text: `SELECT client_id, detail->>'reason' AS reason FROM events WHERE type = 'grant_ended' AND id > $1`,
      values: [before],
    })
    const { rows: alive } = await database.query({
      text: `SELECT 'offline_access' = ANY (scopes) AS offline, count(*) AS grants FROM grants
             WHERE sub IS NOT NULL AND ended_at IS NULL AND EXISTS (SELECT FROM refresh_families WHERE grant_id = grants.id) GROUP BY 1`,
    })
    t.same(alive, [], 'no grant with a refresh token under the old secret is left')
    t.ok(rows.length > 0)
    for (const row of rows) t.match(row, { reason: 'refresh_secret_revoked' })
    const userinfo = (node: Idp, token: string) =>
      fetch(`http://127.0.0.1:${node.signet.settings.port}/userinfo`, { headers: { authorization: `Bearer ${token}` } })
    for (const node of nodes) {
      t.equal((await userinfo(node, online.access_token)).status, 200, 'a grant without refresh tokens continues')
      t.equal((await userinfo(node, tokens.access_token)).status, 401)
      t.match((await elsewhere(journey.browser, node).get('/')).text, journey.person.username, 'and so do sessions')
    }
  })

  t.test('everything works with the new secrets, and sessions have a different sid', async (t) => {
    for (const node of nodes) {
      const again = await signIn(node, client, {
        browser: elsewhere(journey.browser, node),
        person: journey.person,
      })
      const fresh = (await again.redeem()).body
      t.equal((await refresh(nodes[0], fresh.refresh_token)).status, 200)
      const asked = await elsewhere(journey.browser, node).get(
        `/logout?${new URLSearchParams({ id_token_hint: tokens.id_token, post_logout_redirect_uri: bye })}`,
      )
      t.match(asked.text, 'id="confirm-logout"', 'an ID token from before no longer names a session')
      const hint = { id_token_hint: fresh.id_token, post_logout_redirect_uri: bye }
      if (node === two)
        t.equal((await elsewhere(journey.browser, node).get(`/logout?${new URLSearchParams(hint)}`)).location, bye)
    }
  })
})
