// Own process: trusts a certificate everywhere in the process
import t from 'tap'
import type { Plan, PlannedModule } from './plans/plan.ts'
import { plans } from './plans.ts'
import { deleteClients } from './support/clients.ts'
import { type Play, Skipped } from './support/play.ts'
import { readProvider } from './support/provider.ts'
import { type Suite, startSuite } from './support/suite.ts'

/*
 * The modules of OpenID's conformance suite, played against a Signet on https. The suite itself is not part of this repository: docs/certification.md says how to
 * run it. Each test has the name of a module, and the checks are those that the suite makes. SIGNET_TEST_CERTIFICATION=all plays the plans that are left out otherwise.
 */

const suite = await startSuite(t)

const all = process.env['SIGNET_TEST_CERTIFICATION'] === 'all'

for (const plan of plans.filter(({ onRequest }) => all || !onRequest)) {
  const { registration, responseType } = plan.variant
  t.test(`${plan.name}, ${registration}, ${responseType}`, async (t) => {
    // The plans are played an hour apart, as far as the number of clients from one network is concerned.
    await suite.idp.signet.database.query('DELETE FROM rate_limits')
    for (const planned of plan.modules)
      t.test(planned.name, async (t) => {
        const { warnings, skipped, failed } = await run(suite, plan, planned)
        t.error(failed)
        t.same(warnings, planned.warnings ?? [])
        if (planned.skipped) t.match(skipped, planned.skipped)
        else t.equal(skipped, undefined)
      })
  })
}

async function run(suite: Suite, plan: Plan, { module, variant }: PlannedModule) {
  const play: Play = {
    ...{ suite, variant: { ...plan.variant, ...variant }, provider: await readProvider(suite) },
    ...{ browser: suite.idp.browser(), warnings: [], registrations: [], waited: 0 },
  }
  let [skipped, failed]: [string | undefined, Error | undefined] = [undefined, undefined]
  try {
    await module(play)
  } catch (error) {
    if (error instanceof Skipped) skipped = error.message
    else failed = error as Error
  }
  await deleteClients(play)
  failed ??= unexpectedLogout(suite)
  return { warnings: play.warnings, skipped, failed }
}

/** The suite fails a module in which it is told of a logout that it does not expect. */
function unexpectedLogout({ server: { unexpected } }: Suite): Error | undefined {
  const requests = unexpected.splice(0)
  return requests.length > 0 ? new Error(`unexpected: ${requests}`) : undefined
}
