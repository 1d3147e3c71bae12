import { domainToUnicode } from 'node:url'
import type { Settings } from '../../platform/config/settings.ts'

/**
 * Whether somebody may sign up with this address, or change to it if they signed up themselves (SIGNET_SIGN_UP_DOMAINS). Subdomains of an allowed
 * domain are other domains. Both sides are in canonical form, so no other spelling of a domain is refused, and no domain that only looks like an
 * allowed one is accepted.
 *
 * @param email in canonical form
 */
export function isAllowedDomain({ signUpDomains }: Pick<Settings, 'signUpDomains'>, email: string): boolean {
  return signUpDomains.length === 0 || signUpDomains.includes(domainOf(email))
}

/** The endings of allowed addresses, for a page: `@example.com`, with domains in Unicode. Empty: all are allowed. */
export function allowedEndings({ signUpDomains }: Pick<Settings, 'signUpDomains'>): readonly string[] {
  return signUpDomains.map((domain) => `@${domainToUnicode(domain) || domain}`)
}

function domainOf(email: string): string {
  return email.slice(email.lastIndexOf('@') + 1)
}
