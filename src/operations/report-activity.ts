import { digest } from '../platform/secrets/digest.ts'
import { listCredentials, newestCredentialBefore } from '../records/accounts/account-credentials-store.ts'
import { insertNotice } from '../records/accounts/account-notices-store.ts'
import { typedName } from '../records/accounts/canonical-names.ts'
import { findEmailBefore } from '../records/accounts/email-changes-store.ts'
import { isFreshlyProven, kindsOf } from '../records/accounts/factors.ts'
import { newLinkToken } from '../records/accounts/link-tokens.ts'
import type { RecoveryProof } from '../records/accounts/recovery-rule.ts'
import { type Activity, mayHaveLostFactor } from '../records/events/activity-store.ts'
import { recordEvent } from '../records/events/events-store.ts'
import type { Session } from '../records/sessions/sessions-store.ts'
import type { Signet } from '../signet.ts'
import type { Person } from './actor.ts'
import { asSignedIn, type signedOut } from './as-signed-in.ts'
import { notMeLink, notMeTtl } from './notify-person.ts'
import { mailLocale, queueMail } from './queue-mail.ts'
import { type Secured, secure } from './report-account.ts'
import { withRollback } from './with-rollback.ts'

/*
 * "This was not me" on the page with the recent activity. A session is not enough: it may be stolen, and must not evict the owner. Somebody with a fresh proof of
 * the strongest factor that the account has now can do all of this on the other account pages, too. Anybody else gets a link by mail (report-account.ts).
 */

/**
 * Reports something that happened in the account of a session.
 *
 * @param session of somebody who has just proven the strongest factor of the account
 * @param about what is reported
 * @returns `stale` if the proof is not fresh any more; `address_taken` if an address that was changed since cannot be restored, because another account has verified it; nothing was changed
 */
export async function reportActivity(
  signet: Signet,
  person: Person,
  session: Session,
  about: Pick<Activity, 'at' | 'type'>,
  browserDigest: Buffer,
): Promise<{ readonly token: string } | 'stale' | 'address_taken' | typeof signedOut> {
  const { sub } = person
  const proof: RecoveryProof = session.factor ?? 'earlier_password'
  const done = await withRollback<'address_taken', Secured | 'stale' | 'address_taken' | typeof signedOut>((rollBack) =>
    asSignedIn(signet, session, async (tx) => {
      // A factor may have been added since the form was checked.
      const kinds = kindsOf(await listCredentials(tx, sub))
      if (!isFreshlyProven(session, kinds, signet.clock.now())) return 'stale'
      const changed = await findEmailBefore(tx, sub, about.at)
      const newestCredential = await newestCredentialBefore(tx, sub, about.at)
      const restored = { email: changed ?? '', isCurrentAddress: changed === undefined }
      return secure(
        tx,
        signet,
        person,
        { about: about.type, isMailed: false, ...restored, newestCredential, proof, browserDigest },
        rollBack,
      )
    }),
  )
  if (typeof done === 'string') return done
  if (done.left) signet.endings.wake()
  return { token: done.token }
}

/**
 * Sends a link to report something to the verified address of the account. It expires a week after what is reported: with it, factors that were added since can be
 * removed by somebody who proves themselves with what the account had before.
 *
 * @returns `no_address` if the account has no verified address, or this installation sends no mail
 */
export async function mailReportLink(
  signet: Signet,
  person: Person,
  session: Session,
  about: Pick<Activity, 'at' | 'type'>,
): Promise<'sent' | 'no_address' | typeof signedOut> {
  const { settings, clock, limits } = signet
  const { sub, caller, language } = person
  const { email, email_verified, locale, zoneinfo } = session.account
  if (email === undefined || !email_verified || settings.mail.delivery === 'none') return 'no_address'
  const until = about.at.getTime() + notMeTtl * 1000
  // Otherwise somebody with a stolen session could fill the person's mailbox. They must not learn that the limit is reached.
  const mayMail = (await limits.allowsMail('report', typedName(email).key)) && until > clock.now()
  const done = await asSignedIn(signet, session, async (tx) => {
    const token = newLinkToken()
    const lacksSecondFactor = await mayHaveLostFactor(tx, sub, about.at)
    const ttl = (until - clock.now()) / 1000
    const notice = { digest: digest(token), sub, email, kind: 'report-link', lacksSecondFactor, at: about.at, ttl }
    const isSent = mayMail && (await insertNotice(tx, notice))
    const detail = { about: about.type, mail: isSent ? 'sent' : 'limited' }
    await recordEvent(tx, { type: 'account_report_requested', caller, sub, detail })
    if (isSent)
      await queueMail(tx, signet, {
        ...{
          to: email,
          mail: { kind: 'report-link', at: about.at.getTime() },
          sub,
          locale: mailLocale(locale, language),
        },
        ...{ goodUntil: until, notMe: { link: notMeLink(settings.issuer, token), until } },
        ...(zoneinfo !== undefined && { timeZone: zoneinfo }),
        from: { network: caller.network, userAgent: caller.userAgent },
      })
    return 'sent' as const
  })
  return done
}
