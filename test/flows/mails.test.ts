import t from 'tap'
import { queueMail } from '../../src/operations/queue-mail.ts'
import { sendMail } from '../../src/operations/send-mail.ts'
import { mailKinds, sampleMails } from '../html/sample-mails.ts'
import { startSignet } from '../support/idp.ts'
import { mailsTo, newestMailTo } from '../support/mails.ts'

const idp = await startSignet(t, { SIGNET_NAME: '„Acme“ <Konten>, "Ä"; x@y' })
const { signet, issuer } = idp

/** The same mails, with links to the issuer of this test. */
const mails = Object.entries(mailKinds).map(
  ([about, mail]) =>
    [about, JSON.parse(JSON.stringify(mail).replaceAll('https://id.example.com', issuer)) as typeof mail] as const,
)

t.test('mails to others are not found, and who was sent nothing has none', async (t) => {
  await queueMail(signet.database, signet, { to: 'ada@example.com', locale: undefined, mail: { kind: 'test' } })
  t.same(await mailsTo(idp, 'da@example.com'), [])
  t.equal((await mailsTo(idp, 'ada@example.com')).length, 1, 'it has arrived by then')
  await t.rejects(newestMailTo(idp, 'da@example.com'), /No mail was sent to da@example.com/)
})

t.test('a mail that has expired before it could be sent is not sent', async (t) => {
  const to = 'late@example.com'
  await queueMail(signet.database, signet, { to, locale: 'en', mail: { kind: 'test' }, goodUntil: Date.now() - 1 })
  t.same(await mailsTo(idp, to), [])
})

t.test('whether a mail has expired depends on the time of the database, not on the clock of the node', async (t) => {
  const to = 'early@example.com'
  const added: unknown[] = []
  const tx = { query: async ({ values }: { values: readonly string[] }) => added.push(JSON.parse(values[1] ?? '')) }
  await queueMail(tx as never, signet, {
    ...{ to, locale: 'en', mail: { kind: 'test' } },
    goodUntil: Date.now() + 60_000,
  })
  const later = { ...signet, clock: { ...signet.clock, now: () => Date.now() + 120_000 } }
  await sendMail(later, added[0], {
    attempt: 1,
    isLast: false,
    isOver: false,
    canWait: true,
    signal: new AbortController().signal,
  })
  t.same(await mailsTo(idp, to), [])
})

t.test('every kind arrives as it was composed, whatever the name of the installation', async (t) => {
  const sent = mails.map(([about, mail], i) => ({ about, mail, to: `person.${i}@example.com` }))
  for (const { to, mail } of sent) await queueMail(signet.database, signet, { to, locale: 'de', mail })
  const composed = sampleMails({ locale: 'de', brand: { name: signet.brand.name } })
  for (const [i, { about, mail, to }] of sent.entries()) {
    const arrived = await mailsTo(idp, to)
    t.equal(arrived.length, 1, about)
    t.match(arrived[0], { to, from: 'signet@localhost', subject: composed[i]?.subject }, about)
    t.match(arrived[0]?.html, '<html lang="de" dir="ltr">', about)
    const link = 'link' in mail ? mail.link : 'undoLink' in mail ? mail.undoLink : undefined
    if (link) t.equal(arrived[0]?.link, link, about)
    t.equal(arrived[0]?.code, 'code' in mail ? mail.code : undefined, about)
  }
})
