import { Layout } from './layout.tsx'
import { safeHref } from './link-target.ts'
import { RecoveryCodes, type RecoveryCodesProps, recoveryCodesScript } from './shown-recovery-codes.tsx'

/** Shows the recovery codes of somebody who has just created a passkey instead of a password: as the answer to the form, because they are never shown again. */
export function NewRecoveryCodesPage({ continueHref, ...codes }: Omit<RecoveryCodesProps, 'done' | 'lead'>) {
  const { newRecoveryCodes: text } = codes.page.messages
  return (
    <Layout page={codes.page} title={text.title} scripts={[recoveryCodesScript]}>
      <h1>{text.title}</h1>
      <RecoveryCodes {...codes} lead={text.lead} continueHref={safeHref(continueHref) ?? '/account'} />
    </Layout>
  )
}
