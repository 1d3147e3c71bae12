import { AccountBadge } from '../../html/account-and-client.tsx'
import { Layout } from '../../html/layout.tsx'
import { ownHref } from '../../html/link-target.ts'
import { reasonOf, type StepUpCommonProps, StepUpLinks } from './step-up-page.tsx'

export interface SetUpPageProps extends StepUpCommonProps {
  /** The factors that are strong enough, and that can be set up here. */
  readonly factors: readonly ('passkey' | 'totp')[]
}

/** The page for somebody whose account has no factor that is strong enough: it leads to the pages that set one up, and from there back. */
export function SetUpPage(props: SetUpPageProps) {
  const { page, account, client, need, continueTo, factors } = props
  const { stepUp: text } = page.messages
  const [first] = factors
  const title = need === 'phr' ? text.setUpPasskeyTitle : text.setUpTitle
  const buttonFor = (factor: string) => (factor === first ? 'button primary' : 'button')
  return (
    <Layout page={page} title={title} client={client}>
      <h1>{title}</h1>
      <p class="lead">{reasonOf(page, client, need)}</p>
      <p class="lead">{factors.length === 0 ? text.nothingToSetUp : text.setUpLead}</p>
      <AccountBadge account={account} label={text.account} />
      {factors.includes('passkey') && (
        <section>
          <p class="fine">{text.passkeyAbout}</p>
          <a
            class={buttonFor('passkey')}
            id="set-up-passkey"
            href={ownHref('/account/security/passkeys/new', { continue: continueTo })}
          >
            {text.setUpPasskey}
          </a>
        </section>
      )}
      {factors.includes('totp') && (
        <section>
          <p class="fine">{text.codesAbout}</p>
          <a
            class={buttonFor('totp')}
            id="set-up-codes"
            href={ownHref('/account/security/codes/new', { continue: continueTo })}
          >
            {text.setUpCodes}
          </a>
        </section>
      )}
      <StepUpLinks {...props} />
    </Layout>
  )
}
