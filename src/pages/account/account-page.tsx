import { AccountBadge } from '../../html/account-and-client.tsx'
import { FaultSummary, SignOutForm } from '../../html/form-fields.tsx'
import { Layout } from '../../html/layout.tsx'
import type { PageContext } from '../../html/messages/messages.ts'
import { strengthScript } from '../../html/password-strength.tsx'
import { type Account, displayName } from '../../records/accounts/account.ts'
import {
  ApplicationsSection,
  type ApplicationsSectionProps,
  SessionsSection,
  type SessionsSectionProps,
} from './access-sections.tsx'
import { type AccountFault, accountFaultText, type Figures, type FilledForm, type Notice } from './account-form.ts'
import { profileValues } from './profile-form.ts'
import { ProfileSection } from './profile-section.tsx'
import { PasswordSection, SignInNamesSection } from './sign-in-sections.tsx'

/** The forms with fields, which may be shown again with faults. */
export type FormName = 'profile' | 'sign-in' | 'password'

export interface AccountPageProps extends Figures {
  readonly page: PageContext
  readonly csrf: string
  /** Ties the forms to the person: another tab may sign in somebody else. */
  readonly accountProof: string
  readonly account: Account
  /** The address that becomes the account's once it is confirmed. */
  readonly pendingEmail?: string | undefined
  /** The page that takes the code of a mail; undefined if this installation sends no mail. */
  readonly verifyEmailHref?: string | undefined
  readonly sessions: SessionsSectionProps['sessions']
  readonly sessionCount: number
  readonly sessionsTruncated: boolean
  readonly applications: ApplicationsSectionProps['applications']
  readonly applicationsTruncated: boolean
  readonly scopeDescriptions: ApplicationsSectionProps['scopeDescriptions']
  /** What has just been done. */
  readonly notice?: Notice | undefined
  /** The form that was refused, with what was typed. Passwords are never sent back to the browser. */
  readonly refused?: (FilledForm & { readonly form: FormName }) | undefined
}

const notices = {
  'profile-saved': 'profileSaved',
  'sign-in-saved': 'signInSaved',
  'email-change-cancelled': 'emailChangeCancelled',
  'password-changed': 'passwordChanged',
  'password-changed-applications-kept': 'passwordChangedApplicationsKept',
  'session-ended': 'sessionEnded',
  'others-ended': 'othersEnded',
  disconnected: 'disconnected',
  'other-account': 'otherAccount',
} as const satisfies Record<Notice, string>

/** Whether a key names a notice of the page. */
export function isNotice(key: string): key is Notice {
  return Object.hasOwn(notices, key)
}

/** The page on which people manage their account. The fields of the profile are those of OpenID Connect Core §5.1. */
export function AccountPage(props: AccountPageProps) {
  const { page, csrf, accountProof, account, sessions, sessionCount, applications, notice, refused } = props
  const { sessionsTruncated, applicationsTruncated, scopeDescriptions } = props
  const { account: text } = page.messages
  const hidden = { csrf, account: accountProof }
  const textOf = (fault: AccountFault, field: string) => accountFaultText(page, fault, field, props)
  const filled = (form: FormName, values: ReadonlyMap<string, string>): FilledForm =>
    refused?.form === form ? refused : { values, faults: new Map() }
  const names = [
    ['username', account.username],
    ['email', account.email],
  ].filter((entry): entry is [string, string] => entry[1] !== undefined)
  const timeZone = account.zoneinfo
  return (
    <Layout
      page={page}
      title={text.title}
      faulty={refused !== undefined}
      scripts={['show-password.js', strengthScript, 'local-times.js']}
    >
      <h1>{text.title}</h1>
      {notice && (
        <p class="notice" role="status">
          {text[notices[notice]]}
        </p>
      )}
      {refused && <Faults refused={refused} textOf={textOf} />}
      <AccountBadge account={{ name: displayName(account), email: account.email }} label={page.messages.home.account} />
      <nav aria-label={text.contents}>
        <ul class="links contents">
          {(
            [
              ['your-profile', text.profile],
              ['your-sign-in', text.signIn],
              ['your-password', text.password],
              ['your-sessions', text.sessions],
              ['your-applications', text.applications],
            ] as const
          ).map(([id, title]) => (
            <li key={id}>
              <a href={`#${id}`}>{title}</a>
            </li>
          ))}
        </ul>
      </nav>
      <div class="sections">
        <ProfileSection page={page} hidden={hidden} form={filled('profile', profileValues(account))} textOf={textOf} />
        <SignInNamesSection
          page={page}
          hidden={hidden}
          form={filled('sign-in', new Map(names))}
          textOf={textOf}
          email={
            account.email === undefined ? undefined : { address: account.email, isVerified: account.email_verified }
          }
          pendingEmail={props.pendingEmail}
          verifyEmailHref={props.verifyEmailHref}
        />
        <PasswordSection
          page={page}
          hidden={hidden}
          form={filled('password', new Map())}
          textOf={textOf}
          signInName={account.email ?? account.username}
          minPasswordLength={props.minPasswordLength}
        />
        <SessionsSection {...{ page, hidden, sessions, sessionCount, sessionsTruncated, timeZone }} />
        <ApplicationsSection {...{ page, hidden, applications, applicationsTruncated, scopeDescriptions, timeZone }} />
      </div>
      <SignOutForm csrf={csrf} label={text.signOut} />
    </Layout>
  )
}

function Faults({
  refused,
  textOf,
}: {
  readonly refused: FilledForm
  readonly textOf: (fault: AccountFault, field: string) => string
}) {
  const faults = [...refused.faults]
  return (
    <FaultSummary>
      <ul>
        {faults.map(([field, fault]) => (
          <li key={field}>
            {field === 'form' ? textOf(fault, field) : <a href={`#${field}`}>{textOf(fault, field)}</a>}
          </li>
        ))}
      </ul>
    </FaultSummary>
  )
}
