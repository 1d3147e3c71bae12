import type { PageContext } from './page-context.ts'

/** A scope value (RFC 6749 §3.3), and what its resource says that it allows. */
export interface PageScope {
  readonly value: string
  /** In the language of the page, if there is one. */
  readonly description?: { readonly text: string; readonly language: string | undefined } | undefined
}

/** What a scope allows: the scopes of OpenID Connect Core §5.4 and §11 in our words, others in those of their resource. */
export function ScopeInWords({ page, scope }: { readonly page: PageContext; readonly scope: PageScope }) {
  const { value, description } = scope
  const { scopes } = page.messages
  // A scope may be called `constructor`.
  if (Object.hasOwn(scopes, value)) return <>{scopes[value as keyof typeof scopes]}</>
  if (!description) return <bdi class="identifier">{value}</bdi>
  return <bdi lang={description.language?.replaceAll('_', '-')}>{description.text}</bdi>
}
