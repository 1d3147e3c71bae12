import { FaultSummary, HiddenInputs } from '../../html/form-fields.tsx'
import { Layout } from '../../html/layout.tsx'
import { safeHref } from '../../html/link-target.ts'
import { type Fault, faultText, type PageContext } from '../../html/messages/messages.ts'
import { NewPasskeyButton, passkeyScripts } from '../../html/passkey-forms.tsx'

export interface PasskeyOfferPageProps {
  readonly page: PageContext
  readonly csrf: string
  readonly continueTo: string | undefined
  /** For the button to create a passkey. */
  readonly options: string
  /** Where the person goes on without one. */
  readonly laterHref: string
  readonly fault?: Fault | undefined
}

/** Asks somebody who has just signed in with a password whether they want a passkey. */
export function PasskeyOfferPage({ page, csrf, continueTo, options, fault, ...more }: PasskeyOfferPageProps) {
  const { passkeyOffer: text } = page.messages
  const laterHref = safeHref(more.laterHref)
  return (
    <Layout page={page} title={text.title} faulty={fault !== undefined} scripts={passkeyScripts}>
      <h1>{text.title}</h1>
      {fault && (
        <FaultSummary>
          <p>{faultText(page, fault)}</p>
        </FaultSummary>
      )}
      <p class="lead">{text.lead}</p>
      <form method="post" action="/passkey-offer">
        <HiddenInputs values={{ csrf, continue: continueTo }} />
        <NewPasskeyButton page={page} options={options} isPrimary />
      </form>
      {laterHref && (
        <ul class="links">
          <li>
            <a id="not-now" href={laterHref}>
              {text.notNow}
            </a>
          </li>
        </ul>
      )}
      <p class="fine">{text.fine}</p>
    </Layout>
  )
}
