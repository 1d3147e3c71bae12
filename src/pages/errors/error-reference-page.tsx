import { Layout } from '../../html/layout.tsx'
import type { PageContext } from '../../html/messages/messages.ts'
import { type ErrorName, errorRegistry } from '../../protocol/errors/error-registry.ts'

export interface ErrorReferencePageProps {
  readonly page: PageContext
  readonly requestId: string | undefined
  readonly errors: readonly ErrorName[]
}

/** Every error and how to fix it, with an index by the code that the client received. The fragment of the URL selects one. */
export function ErrorReferencePage({ page, requestId, errors }: ErrorReferencePageProps) {
  return (
    <Layout page={page} title="Errors">
      <h1>Errors</h1>
      <p class="lead">What each error of this issuer means, and how to fix it.</p>
      <div class="notice">
        <p>
          The operator sees exactly what failed with{' '}
          <code>
            {requestId ? `signet events show ${requestId}` : 'signet events refusals --client-id CLIENT_ID --since 10m'}
          </code>
          .
        </p>
      </div>
      <nav class="index" aria-label="Errors by code">
        {byCode(errors).map(([code, names]) => (
          <details key={code}>
            <summary>
              {code} ({names.length})
            </summary>
            <ul>
              {names.map((name) => (
                <li key={name}>
                  <a href={`#${name}`}>{name}</a>
                </li>
              ))}
            </ul>
          </details>
        ))}
      </nav>
      <div class="sections errors">
        {errors.map((name) => {
          const { error, status, description, fix } = errorRegistry[name]
          return (
            <section key={name} id={name}>
              <h2>
                <a href={`#${name}`}>{name}</a>
              </h2>
              <p class="about">
                <code>{error}</code>, HTTP {status}
              </p>
              <p>
                <q>{description.replace('{}', '…')}</q>
              </p>
              <p>{fix}</p>
            </section>
          )
        })}
      </div>
    </Layout>
  )
}

/** The errors under each code of the specifications, in the order of the registry. */
function byCode(errors: readonly ErrorName[]): [code: string, names: ErrorName[]][] {
  const groups = new Map<string, ErrorName[]>()
  for (const name of errors) {
    const { error } = errorRegistry[name]
    groups.set(error, [...(groups.get(error) ?? []), name])
  }
  return [...groups]
}
