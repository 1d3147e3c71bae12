import { Layout } from './layout.tsx'
import { safeHref } from './link-target.ts'
import type { PageContext } from './messages/messages.ts'

/** Shows the recovery codes of somebody who has just created a passkey instead of a password. They are never shown again. */
export function NewRecoveryCodesPage(props: {
  readonly page: PageContext
  readonly codes: readonly string[]
  readonly continueHref: string
}) {
  const { page, codes } = props
  const { newRecoveryCodes } = page.messages
  return (
    <Layout page={page} title={newRecoveryCodes.title}>
      <h1>{newRecoveryCodes.title}</h1>
      <p class="lead">{newRecoveryCodes.lead}</p>
      <ol id="recovery-codes">
        {codes.map((code) => (
          <li key={code}>
            <code>{code}</code>
          </li>
        ))}
      </ol>
      <p class="actions">
        <a class="button primary" id="continue" href={safeHref(props.continueHref) ?? '/account'}>
          {newRecoveryCodes.submit}
        </a>
      </p>
    </Layout>
  )
}
