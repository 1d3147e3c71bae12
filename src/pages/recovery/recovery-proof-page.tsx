import { AccountBadge, type PageAccount } from '../../html/account-and-client.tsx'
import { FaultSummary } from '../../html/form-fields.tsx'
import { Layout } from '../../html/layout.tsx'
import { type Fault, faultText, type PageContext } from '../../html/messages/messages.ts'
import { passkeyScripts } from '../../html/passkey-forms.tsx'
import { ProofForms, type Provable } from '../../html/proof-forms.tsx'

export interface RecoveryProofPageProps {
  readonly page: PageContext
  readonly csrf: string
  /** The secret of the link. */
  readonly token: string
  readonly account: PageAccount
  /** The name that the person signs in with. */
  readonly signInName: string | undefined
  readonly provable: Provable
  readonly fault?: Fault | undefined
  /** For `too_many_attempts` and `busy`: when to try again. */
  readonly retryAfterSeconds?: number | undefined
}

/** Where the forms are sent. */
export const recoveryProofAction = '/recover/password/proof'

const faultyForm = { proof_code_wrong: 'code', proof_password_wrong: 'password' } as const

/** Asks somebody with a link for a second factor of the account, before they can set anything. */
export function RecoveryProofPage(props: RecoveryProofPageProps) {
  const { page, csrf, token, account, provable, fault } = props
  const { proof } = page.messages
  return (
    <Layout
      page={page}
      title={proof.title}
      faulty={fault !== undefined}
      scripts={['show-password.js', ...passkeyScripts]}
    >
      <h1>{proof.title}</h1>
      <p class="lead">{proof.lead}</p>
      {fault && (
        <FaultSummary>
          <p>{faultText(page, fault, props)}</p>
        </FaultSummary>
      )}
      <AccountBadge account={account} label={page.messages.recover.account} />
      <ProofForms
        page={page}
        action={recoveryProofAction}
        hidden={{ csrf, token }}
        provable={provable}
        faulty={fault === 'proof_code_wrong' || fault === 'proof_password_wrong' ? faultyForm[fault] : undefined}
        username={props.signInName}
        password={{
          ...{ lead: proof.planted, label: proof.earlierPassword },
          ...{ submit: proof.submitPassword, button: 'prove-password' },
        }}
      />
      <p class="fine">{proof.nothing}</p>
    </Layout>
  )
}
