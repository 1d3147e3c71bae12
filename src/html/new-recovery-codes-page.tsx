import { Layout } from './layout.tsx'
import { safeHref } from './link-target.ts'
import { RecoveryCodes, type RecoveryCodesProps, recoveryCodesScript } from './shown-recovery-codes.tsx'

interface NewRecoveryCodesPageProps extends Omit<RecoveryCodesProps, 'done' | 'lead'> {
  /** Whether the passkey is there instead of a password. */
  readonly replacesPassword: boolean
}

/** Shows the recovery codes of somebody who has just created their first passkey: as the answer to the form, because they are never shown again. */
export function NewRecoveryCodesPage({ replacesPassword, continueHref, ...codes }: NewRecoveryCodesPageProps) {
  const { newRecoveryCodes: text } = codes.page.messages
  return (
    <Layout page={codes.page} title={text.title} scripts={[recoveryCodesScript]}>
      <h1>{text.title}</h1>
      <RecoveryCodes
        {...codes}
        lead={replacesPassword ? text.lead : undefined}
        continueHref={safeHref(continueHref) ?? '/account'}
      />
    </Layout>
  )
}
