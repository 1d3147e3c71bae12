import fc from 'fast-check'
import t from 'tap'
import { redeemCode } from '../../src/operations/redeem-code.ts'
import { redeemDeviceCode } from '../../src/operations/redeem-device-code.ts'
import { refreshTokens } from '../../src/operations/refresh-tokens.ts'
import { TooManyWaiting, type Turns } from '../../src/platform/turns.ts'
import type { Client } from '../../src/records/clients/client.ts'
import type { Signet } from '../../src/signet.ts'
import type { IssuedTokens, TokensRefused } from '../../src/tokens/issue-for-person.ts'
import { findFamily } from '../../src/tokens/refresh-families-store.ts'
import type { FamilyState } from '../../src/tokens/refresh-rotation.ts'
import { deviceGrants } from '../support/device.ts'
import { startSignet } from '../support/idp.ts'
import { openGrant } from '../support/open-grants.ts'
import { newWorld, present, type World } from './refresh/world.ts'

/*
 * The operations of three nodes on one PostgreSQL, called at the same moment. Each batch of presentations of one refresh token family must have the
 * outcome of some order in which the rule of the other models judges them one after another. Requests do not take turns here, not even on one node.
 */

/** SIGNET_TEST_PARALLEL_HISTORIES=1000 searches longer. */
const numRuns = Number(process.env['SIGNET_TEST_PARALLEL_HISTORIES'] ?? 25)
const seed = Number(process.env['SIGNET_TEST_SEED'] ?? Date.now() % 2 ** 31)

// Much longer than a history takes, however slow the machine is; time passes by moving what is stored.
const grace = 3600
const first = await startSignet(t, { SIGNET_REFRESH_GRACE: `${grace}s`, SIGNET_LOG_LEVEL: 'silent' })
const turns: Turns = { take: (_key, work) => work() }
const nodes: Signet[] = [first, await first.another(), await first.another()].map(({ signet }) => ({
  ...signet,
  turns,
}))
for (const { keyRing } of nodes) await keyRing.extendRetention(3600)
const [{ database }] = nodes as [Signet, ...Signet[]]
const firstParty = { first_party: true, scope: 'offline_access' }
const publicClient = await first.client({ ...firstParty, token_endpoint_auth_method: 'none' })
const confidential = await first.client(firstParty)
const device = await first.client({ ...firstParty, ...deviceGrants, token_endpoint_auth_method: 'none' })
const { sub } = await first.person()
const caller = { requestId: 'test', network: '192.0.2.1' }

const nodeOf = (request: number) => nodes[request % nodes.length] as Signet
const grantFor = ({ client_id: clientId }: Client) => openGrant(first.signet, { clientId, sub })

async function eventsOf(grantId: string): Promise<Record<string, number>> {
  await Promise.all(nodes.map(({ deferredEvents }) => deferredEvents.stop()))
  const text = 'SELECT type, count(*) AS times FROM events WHERE grant_id = $1 GROUP BY type'
  const { rows } = await database.query<{ type: string; times: number }>({ text, values: [grantId] })
  return Object.fromEntries(rows.map(({ type, times }) => [type, times]))
}

interface Family {
  readonly grantId: string
  readonly key: Buffer
  /** The outcome of a presentation: the generation that was issued, how it was refused, or undefined for 503. */
  readonly present: (node: Signet, generation: number) => Promise<number | 'reused' | 'exhausted' | 'ended' | undefined>
}

async function newFamily(): Promise<Family> {
  const grant = await grantFor(publicClient)
  const { key, token, request } = await grant.insertFamily()
  return {
    ...{ grantId: grant.id, key },
    present: async (node, generation) => {
      const outcome = await refreshTokens(node, publicClient, caller, request(generation)).catch((error: unknown) => {
        if (error instanceof TooManyWaiting) return undefined
        throw error
      })
      if (outcome === undefined) return undefined
      if ('refused' in outcome)
        return outcome.refused.replace('refresh_token_', '').replace('unknown', 'ended') as 'ended'
      const issued = [0, 1, 2].map((more) => generation + more).concat(generation + 3, generation + 4, generation + 5)
      const found = issued.find((one) => token(one) === outcome.refreshToken)
      if (found === undefined) throw new Error(`Not a successor of generation ${generation}.`)
      return found
    },
  }
}

/** The state of the family, for the model. */
async function worldOf({ key }: Family): Promise<World> {
  const stored = await findFamily(database, key, 0, { ttl: 3600, step: 60 })
  if (!stored) throw new Error('The family is gone.')
  const { generation, spends, forgiveness } = stored
  return {
    ...newWorld(undefined, grace),
    now: stored.now / 1000,
    family: { generation, spends, forgiveness },
    ended: !stored.person,
  }
}

async function passHours({ key }: Family, hours: number): Promise<void> {
  await database.query({
    text: `UPDATE refresh_families SET forgiven_at = forgiven_at - make_interval(mins => $2),
             spends = ARRAY(SELECT spend - make_interval(mins => $2) FROM unnest(spends) AS spend ORDER BY spend)
           WHERE digest = $1`,
    values: [key, hours * 60],
  })
}

/** What must agree: times differ by the milliseconds that the requests took. */
function essence({ generation, spends, forgiveness }: FamilyState, ended: boolean) {
  // Nothing is judged after the end.
  if (ended) return 'ended'
  const { generation: forgiven, run, through } = forgiveness ?? {}
  return JSON.stringify({ generation, spends: spends.length, forgiven, run, through })
}

function* orders(items: readonly number[]): Generator<number[]> {
  if (items.length === 0) yield []
  for (const [index, item] of items.entries())
    for (const rest of orders(items.toSpliced(index, 1))) yield [item, ...rest]
}

/** Whether the outcomes, and the state after them, are those of some order. A presentation that got 503 has not happened. */
function isExplained(before: World, presented: readonly number[], outcomes: readonly unknown[], after: World): boolean {
  const happened = [...presented.keys()].filter((index) => outcomes[index] !== undefined)
  for (const order of orders(happened)) {
    const world = { ...before }
    const agrees = order.every((index) => {
      const { token, verdict } = present(world, presented[index] as number)
      return (token ?? verdict) === outcomes[index]
    })
    if (agrees && essence(world.family, world.ended) === essence(after.family, after.ended)) return true
  }
  return false
}

const batch = fc.record({
  /** Hours since the previous batch: within the grace, or not. */
  hours: fc.constantFrom(0, 0, 2.5, 7),
  /** Which generations are presented, counted back from the newest. */
  back: fc.array(fc.constantFrom(0, 0, 0, 0, 1, 1, 2, 3), { minLength: 1, maxLength: 4 }),
  /** The database is restored to that many generations before. */
  restored: fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 2),
})

t.test('presentations at the same moment are judged as in some order, and reuse ends the family', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(batch, { minLength: 3, maxLength: 8 }), async (batches) => {
      const family = await newFamily()
      let newest = 0
      let issued = 0
      for (const [step, { hours, back, restored }] of batches.entries()) {
        await passHours(family, hours)
        if (restored > 0)
          await database.query({
            text: `UPDATE refresh_families SET generation = greatest(0, generation - $2), spends = '{}' WHERE digest = $1`,
            values: [family.key, restored],
          })
        const before = await worldOf(family)
        const presented = back.map((one) => Math.max(0, newest - one))
        const outcomes = await Promise.all(presented.map((one, request) => family.present(nodeOf(request), one)))
        const after = await worldOf(family)
        if (!isExplained(before, presented, outcomes, after))
          throw new Error(`step ${step}: ${JSON.stringify({ presented, outcomes, before: before.family, after })}`)
        for (const outcome of outcomes)
          if (typeof outcome === 'number') {
            issued++
            newest = Math.max(newest, outcome)
          }
        if (after.ended) break
      }
      const { ended } = await worldOf(family)
      const {
        tokens_issued = 0,
        refresh_reused = 0,
        refresh_exhausted = 0,
        grant_ended = 0,
      } = await eventsOf(family.grantId)
      if (tokens_issued !== issued) throw new Error(`${tokens_issued} events for ${issued} issues of tokens`)
      if (refresh_reused + refresh_exhausted !== Number(ended) || grant_ended !== Number(ended))
        throw new Error('The end of the family does not have exactly one event.')
      if (!ended) return
      for (let generation = 0; generation <= newest; generation++)
        if ((await family.present(nodeOf(generation), generation)) !== 'ended')
          throw new Error('A token outlived the end.')
    }),
    { numRuns, seed },
  )
})

const round = fc.record({
  tabs: fc.integer({ min: 1, max: 6 }),
  /** Whether all responses are lost, so that the tabs repeat their requests after the grace. */
  lost: fc.constantFrom(false, false, true),
  hours: fc.constantFrom(0, 2.5),
})

t.test('tabs that refresh at the same moment, and lose responses, all get the same successor', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(round, { minLength: 3, maxLength: 6 }), async (rounds) => {
      const family = await newFamily()
      let [held, lostInARow] = [0, 0]
      const together = async (tabs: number) => {
        const outcomes = await Promise.all(
          Array.from({ length: tabs }, (_, request) => family.present(nodeOf(request), held)),
        )
        const given = new Set(outcomes.filter((outcome) => outcome !== undefined))
        if (given.size !== 1 || !given.has(held + 1)) throw new Error(`generation ${held}: ${JSON.stringify(outcomes)}`)
      }
      for (const { tabs, lost, hours } of rounds) {
        await together(tabs)
        if (lost && lostInARow < 2) {
          await passHours(family, 2.5)
          await together(tabs)
          lostInARow++
          // Tabs that refresh together within the grace do not end a run of lost responses.
        } else if (tabs === 1) lostInARow = 0
        await passHours(family, hours)
        held++
      }
      const { refresh_reused, refresh_exhausted, grant_ended } = await eventsOf(family.grantId)
      if (refresh_reused || refresh_exhausted || grant_ended) throw new Error('An honest application was signed out.')
    }),
    { numRuns, seed },
  )
})

type Outcome = IssuedTokens | TokensRefused

/** Redeems a code that many times at once, and returns how many succeeded. */
async function redeemTogether(times: number, redeem: (node: Signet) => Promise<Outcome>, refused: string) {
  const outcomes = await Promise.all(Array.from({ length: times }, (_, request) => redeem(nodeOf(request))))
  for (const outcome of outcomes)
    if ('refused' in outcome && outcome.refused !== refused) throw new Error(`refused with ${outcome.refused}`)
  return outcomes.filter((outcome) => !('refused' in outcome)).length
}

const familiesOf = async (grantId: string) =>
  (await database.query({ text: 'SELECT FROM refresh_families WHERE grant_id = $1', values: [grantId] })).rowCount

for (const [kind, client, endsGrant] of [
  ['a confidential client gives tokens once, and ends the grant', confidential, true],
  ['a public client within the grace gives tokens once, which stay valid', publicClient, false],
] as const)
  t.test(`a code that is redeemed at the same moment by ${kind}`, async (t) => {
    for (let run = 0; run < numRuns; run++) {
      const grant = await grantFor(client)
      const request = await grant.insertCode()
      const times = 2 + (run % 5)
      const redeemed = await redeemTogether(times, (node) => redeemCode(node, client, caller, request), 'code_replayed')
      const events = await eventsOf(grant.id)
      const expected = { tokens_issued: 1, ...(endsGrant && { code_replayed: times - 1, grant_ended: 1 }) }
      if (redeemed !== 1 || (await familiesOf(grant.id)) !== 1) return t.fail(`${redeemed} of ${times} succeeded`)
      t.same(events, expected)
    }
  })

t.test('a device code that is redeemed at the same moment gives tokens once, which stay valid', async (t) => {
  for (let run = 0; run < numRuns; run++) {
    const grant = await grantFor(device)
    const request = await grant.insertDeviceCode()
    const redeem = (node: Signet) => redeemDeviceCode(node, device, caller, request)
    const redeemed = await redeemTogether(2 + (run % 5), redeem, 'device_code_used')
    if (redeemed !== 1 || (await familiesOf(grant.id)) !== 1) return t.fail(`${redeemed} succeeded`)
    t.same(await eventsOf(grant.id), { tokens_issued: 1 })
  }
})
