import { shownName } from './account-and-client.tsx'
import { Layout } from './layout.tsx'
import { safeHref } from './link-target.ts'
import type { PageContext } from './messages/messages.ts'

export interface ErrorPageProps {
  readonly page: PageContext
  /** The HTTP status of the response. */
  readonly status: number
  readonly title: string
  /** What to do, in plain words; nothing that helps an attacker. */
  readonly description: string
  /** The operator finds the details in the log by this id. */
  readonly requestId: string
  /** Where the person can go from here: no error page is a dead end. The label may contain a client's name. */
  readonly nextLink?: { readonly href: string; readonly label: string } | undefined
  /** What is wrong with the request, in English, for the developer. */
  readonly explanation?: string | undefined
  /** The RFC's error code, for the developer. */
  readonly code?: string | undefined
  /** A path on this origin that explains the error. */
  readonly codeHref?: string | undefined
}

export function ErrorPage(props: ErrorPageProps) {
  const { page, status, title, description, requestId, nextLink, explanation, code, codeHref } = props
  const { error } = page.messages
  const href = safeHref(nextLink?.href)
  return (
    <Layout page={page} title={title}>
      <p class="eyebrow">{status}</p>
      <h1>{title}</h1>
      <p class="lead">{description}</p>
      {nextLink && href && (
        <p class="actions">
          <a class="button primary" href={href} rel="noreferrer">
            <bdi>{shownName(nextLink.label)}</bdi>
          </a>
        </p>
      )}
      <div class="details">
        <p>{error.tell}</p>
        <dl>
          {explanation && (
            <div>
              <dt>{error.explanation}</dt>
              <dd lang="en" dir="ltr">
                {explanation}
              </dd>
            </div>
          )}
          {code && codeHref && (
            <div>
              <dt>{error.code}</dt>
              <dd>
                <a href={codeHref}>
                  <code>{code}</code>
                </a>
              </dd>
            </div>
          )}
          <div>
            <dt>{error.requestId}</dt>
            <dd>
              <code>{requestId}</code>
            </dd>
          </div>
        </dl>
      </div>
    </Layout>
  )
}
