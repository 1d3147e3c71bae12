// Own process: trusts a certificate everywhere in the process
import t from 'tap'
import { type Plan, type PlannedModule, plans } from './plans.ts'
import { deleteClients } from './support/clients.ts'
import { type Play, Skipped } from './support/play.ts'
import { readProvider } from './support/provider.ts'
import { type Suite, startSuite } from './support/suite.ts'

/*
 * The modules of OpenID's conformance suite, played against a Signet on https. The suite itself is not part of this repository: docs/certification.md says how to
 * run it. Each test has the name of a module, and the checks are those that the suite makes.
 */

const suite = await startSuite(t)

for (const plan of plans) {
  const { registration, responseMode } = plan.variant
  t.test(`${plan.name}, ${registration}, response mode ${responseMode}`, async (t) => {
    for (const planned of plan.modules)
      t.test(planned.name, async (t) => {
        const { warnings, skipped, failed } = await run(suite, plan, planned)
        if (planned.fails) t.match(failed, planned.fails)
        else t.error(failed)
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
  return { warnings: play.warnings, skipped, failed }
}
