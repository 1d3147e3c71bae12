import type { ScopeDescription } from './resource.ts'

/**
 * What is said of a scope to the readers of a language: the description in that language or a variety of it (RFC 4647 §3.4), else the one for
 * everybody, else the first there is. Words in another language tell more than the bare value of the scope.
 *
 * @param language a BCP 47 tag
 */
export function descriptionFor(
  scope: string,
  language: string,
  descriptions: readonly ScopeDescription[],
): ScopeDescription | undefined {
  const own = descriptions.filter((description) => description.scope === scope)
  const fits = ({ language: tag }: ScopeDescription) => tag?.toLowerCase() === language.toLowerCase()
  const isVariety = ({ language: tag }: ScopeDescription) =>
    tag?.toLowerCase().split(/[-_]/)[0] === language.toLowerCase().split(/[-_]/)[0]
  return own.find(fits) ?? own.find(isVariety) ?? own.find(({ language: tag }) => tag === undefined) ?? own[0]
}
