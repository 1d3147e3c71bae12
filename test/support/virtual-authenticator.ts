import type { BrowserContext, CDPSession, Page } from 'playwright-core'

/** An authenticator of Chromium that needs nobody, over the DevTools protocol (domain WebAuthn). */
export interface VirtualAuthenticator {
  /** How many passkeys it has. */
  readonly count: () => Promise<number>
  /** Whether the person can unlock it from now on. */
  readonly setUserVerified: (isVerified: boolean) => Promise<void>
  /** Whether it answers by itself. If not, a request waits until this is set. */
  readonly setAnswering: (isAnswering: boolean) => Promise<void>
  readonly remove: () => Promise<void>
}

/**
 * Adds an authenticator to a page, such as the fingerprint reader of a laptop: passkeys that the browser lists, with user verification. It stays for
 * all pages that are opened in the same tab.
 *
 * @param isAnswering whether it answers by itself. Conditional mediation is answered as well, without anybody choosing a suggestion
 */
export async function addAuthenticator(
  context: BrowserContext,
  page: Page,
  { isAnswering = true, isVerified = true } = {},
): Promise<VirtualAuthenticator> {
  const devtools: CDPSession = await context.newCDPSession(page)
  await devtools.send('WebAuthn.enable')
  const { authenticatorId } = await devtools.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      ...{ protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true },
      ...{ isUserVerified: isVerified, automaticPresenceSimulation: isAnswering },
    },
  })
  return {
    count: async () => (await devtools.send('WebAuthn.getCredentials', { authenticatorId })).credentials.length,
    setUserVerified: async (isUserVerified) => {
      await devtools.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified })
    },
    setAnswering: async (enabled) => {
      await devtools.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId, enabled })
    },
    remove: async () => {
      await devtools.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId })
    },
  }
}

/**
 * Keeps the pages that are opened from now on from having passkeys suggested in a field. Otherwise the authenticator may answer that request before the test
 * has pressed the button.
 */
export async function withoutSuggestions(page: Page): Promise<void> {
  await page.addInitScript(() => {
    PublicKeyCredential.isConditionalMediationAvailable = async () => false
  })
}
