import type { ComponentChildren } from 'preact'
import { AccountBadge, type PageAccount } from '../../html/account-and-client.tsx'
import { FaultSummary, SignOutForm } from '../../html/form-fields.tsx'
import { Layout } from '../../html/layout.tsx'
import type { PageContext } from '../../html/messages/messages.ts'
import type { AccountFault, AccountFaults, FormSectionProps, Notice } from './account-form.ts'

export interface MenuEntry {
  readonly href: string
  readonly label: string
  /** Whether the page is this one, or belongs to it. */
  readonly isCurrent: boolean
}

export interface AccountPageProps {
  readonly page: PageContext
  readonly csrf: string
  /** Whose account it is. */
  readonly account: PageAccount
  readonly title: string
  readonly menu: readonly MenuEntry[]
  readonly scripts?: readonly string[] | undefined
  /** What has just been done. */
  readonly notice?: Notice | undefined
  /** What is wrong with the form that was refused. */
  readonly faults?: AccountFaults | undefined
  readonly textOf: FormSectionProps['textOf']
  /** One or more `<section>`. */
  readonly children: ComponentChildren
}

/** What all pages of the account share: whose account it is, the menu, and what has just happened. */
export function AccountPage(props: AccountPageProps) {
  const { page, csrf, account, title, menu, scripts, notice, faults, textOf, children } = props
  const { account: text, accountMenu, accountNotices, home } = page.messages
  return (
    <Layout page={page} title={title} faulty={faults !== undefined} scripts={scripts}>
      <AccountBadge account={account} label={home.account} />
      <nav class="menu" aria-label={accountMenu.label}>
        <ul>
          {menu.map(({ href, label, isCurrent }) => (
            <li key={href}>
              <a href={href} aria-current={isCurrent ? 'page' : undefined}>
                {label}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      <h1>{title}</h1>
      {notice && (
        <p class="notice" role="status">
          {accountNotices[notice]}
        </p>
      )}
      {faults && <Faults faults={faults} textOf={textOf} />}
      <div class="sections">{children}</div>
      <SignOutForm csrf={csrf} label={text.signOut} />
    </Layout>
  )
}

function Faults({
  faults,
  textOf,
}: {
  readonly faults: AccountFaults
  readonly textOf: (fault: AccountFault, field: string) => string
}) {
  return (
    <FaultSummary>
      <ul>
        {[...faults].map(([field, fault]) => (
          <li key={field}>
            {field === 'form' ? textOf(fault, field) : <a href={`#${field}`}>{textOf(fault, field)}</a>}
          </li>
        ))}
      </ul>
    </FaultSummary>
  )
}
