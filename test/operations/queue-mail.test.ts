import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { queueMail } from '../../src/operations/queue-mail.ts'
import { inTransaction } from '../../src/platform/database/queryable.ts'
import { eventually } from '../support/eventually.ts'
import { type Idp, startSignet } from '../support/idp.ts'

function mailsOf({ signet }: Idp): string[] {
  const { mail } = signet.settings
  if (mail.delivery !== 'files' || !existsSync(mail.folder)) return []
  const files = readdirSync(mail.folder).filter((name) => name.endsWith('.eml'))
  return files.sort().map((name) => readFileSync(join(mail.folder, name), 'utf8'))
}

t.test(
  'a mail is sent once its transaction has been committed, and is not readable in the database before',
  async (t) => {
    const idp = await startSignet(t)
    const { database } = idp.signet
    await inTransaction(database, (tx) =>
      queueMail(tx, idp.signet, {
        to: 'maria@example.com',
        locale: 'en',
        mail: { kind: 'recovery', link: 'https://id.example/recover/password?token=secret', minutes: 30 },
      }),
    )
    await eventually('the mail', async () => mailsOf(idp).length === 1)
    const [mail = ''] = mailsOf(idp)
    t.match(mail, /^To: maria@example\.com\r$/m)
    t.match(mail, /^Auto-Submitted: auto-generated\r$/m)
  },
)
