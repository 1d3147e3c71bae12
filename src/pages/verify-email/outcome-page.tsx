import { SignOutForm } from '../../html/form-fields.tsx'
import { Layout } from '../../html/layout.tsx'
import { fill, type PageContext } from '../../html/messages/messages.ts'

/** What has just been done, by whichever browser. */
export function VerifyDonePage({ page, done }: { readonly page: PageContext; readonly done: 'verified' | 'disowned' }) {
  const { verifyEmail: text } = page.messages
  const title = done === 'verified' ? text.doneTitle : text.disownedTitle
  return (
    <Layout page={page} title={title}>
      <h1>{title}</h1>
      <p class="lead">{done === 'verified' ? text.done : text.disowned}</p>
      {done === 'verified' && (
        <p class="actions">
          <a class="button primary" id="to-account" href="/account">
            {text.toAccount}
          </a>
        </p>
      )}
    </Layout>
  )
}

export interface TakenPageProps {
  readonly page: PageContext
  readonly csrf: string
  readonly email: string
}

/** Another account has verified the address first. This person reads its mail, so they may know. */
export function TakenPage({ page, csrf, email }: TakenPageProps) {
  const { verifyEmail: text } = page.messages
  return (
    <Layout page={page} title={text.takenTitle}>
      <h1>{text.takenTitle}</h1>
      <p class="lead">{fill(text.taken, { email: <bdi class="name">{email}</bdi> })}</p>
      <p class="actions">
        <a class="button primary" id="sign-in" href="/sign-in">
          {text.takenSignIn}
        </a>
      </p>
      <ul class="links">
        <li>
          <a id="other-address" href="/verify-email">
            {text.otherAddress}
          </a>
        </li>
      </ul>
      <SignOutForm csrf={csrf} label={text.signOut} />
    </Layout>
  )
}
