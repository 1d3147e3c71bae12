import t from 'tap'
import type { Visit } from '../support/browser.ts'
import { addressOf, changeAddress, newAddress, verifiedPerson } from '../support/email-change.ts'
import { startSignet } from '../support/idp.ts'
import { accountsWith, invited } from '../support/invitations.ts'
import { mailedLink, newPassword } from '../support/recovery.ts'
import { linkTo, signUp } from '../support/verification.ts'

/*
 * The database fails while a link is being used. Nothing must have changed then, and the same form must work afterwards: once.
 */

const idp = await startSignet(t)
const query = async (text: string, values: unknown[] = []) => (await idp.signet.database.query({ text, values })).rows

/** Everything that the use of a link changes, but for the counters of limits and for events about attempts. */
const stateOfAll = async () =>
  JSON.stringify(
    await Promise.all(
      [
        ...['accounts', 'account_emails', 'account_credentials', 'email_verifications', 'account_recoveries'],
        ...['email_changes', 'invitations', 'sessions', 'consents', 'known_browsers', 'replaced_passwords'],
      ].map((table) => query(`SELECT * FROM ${table} ORDER BY ${table}::text`)),
    ),
  )

await query(`CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'the disk is full'; END $$`)

interface Link {
  /** The event of its use, which is recorded near the end of the transaction. */
  readonly event: string
  readonly use: () => Promise<Visit>
  readonly isUsed: () => Promise<boolean>
}

const links: Record<string, () => Promise<Link>> = {
  'a link that verifies an address': async () => {
    const { browser, email } = await signUp(idp)
    const page = await browser.get(await linkTo(idp, email))
    return {
      event: 'email_verified',
      use: () => browser.submit(page, 'verify'),
      isUsed: async () => (await accountsWith(idp, email))[0]?.verified ?? false,
    }
  },
  'a link that disowns an address': async () => {
    const { email } = await signUp(idp)
    const browser = idp.browser()
    const page = await browser.get(await linkTo(idp, email))
    return {
      event: 'email_disowned',
      use: () => browser.submit(page, 'disown'),
      isUsed: async () => (await accountsWith(idp, email)).length === 0,
    }
  },
  'a link that sets a new password': async () => {
    const { person } = await verifiedPerson(idp)
    const browser = idp.browser()
    const page = await browser.get(await mailedLink(idp, person))
    return {
      event: 'password_recovered',
      use: () => browser.submit(page, 'set-password', { 'new-password': newPassword }),
      isUsed: async () => (await query('SELECT FROM replaced_passwords WHERE sub = $1', [person.sub])).length === 1,
    }
  },
  'a link that undoes a change of address': async () => {
    const { person, browser: theirs } = await verifiedPerson(idp)
    const path = await changeAddress(idp, theirs, person, newAddress())
    const browser = idp.browser()
    const page = await browser.get(path)
    return {
      event: 'email_change_undone',
      use: () => browser.submit(page, 'undo', { password: person.password }),
      isUsed: async () => (await addressOf(idp, person))?.email === person.email,
    }
  },
  'an invitation': async () => {
    const email = newAddress()
    const link = await invited(idp, email)
    const browser = idp.browser()
    const page = await browser.get(link)
    return {
      event: 'invitation_accepted',
      use: () => browser.submit(page, 'password', { password: newPassword }),
      isUsed: async () => (await accountsWith(idp, email)).length === 1,
    }
  },
}

for (const [name, make] of Object.entries(links))
  t.test(`${name} changes nothing if the database fails in the middle, and works afterwards`, async (t) => {
    const { event, use, isUsed } = await make()
    const before = await stateOfAll()
    await query(
      `CREATE TRIGGER fails BEFORE INSERT ON events FOR EACH ROW WHEN (NEW.type = '${event}') EXECUTE FUNCTION fail()`,
    )
    t.equal((await use()).status, 500)
    t.equal(await stateOfAll(), before)
    await query('DROP TRIGGER fails ON events')
    t.equal((await use()).status, 303)
    t.ok(await isUsed())
  })
