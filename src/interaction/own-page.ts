import { type PurposeSecret, sealText, unsealText } from '../platform/secrets/purpose-secrets.ts'

/** The pages of ours that sign-in may lead to, and where they are. */
const pages = {
  account: '/account',
  password: '/account#your-password',
} as const
export type OwnPage = keyof typeof pages

const associated = 'own-page'

/**
 * The `continue` value that leads to a page of ours after sign-in. Only the page's name is sealed: whatever became of the secret,
 * there is no address in it that could lead away from here. It carries no authority and never expires.
 *
 * @returns base64url, for a URL or a form
 */
export function sealOwnPage(secret: PurposeSecret, page: OwnPage): string {
  return sealText(secret, page, associated)
}

/** The path of the page, with a fragment where it is a part of one; undefined for what Signet did not seal for this, an authorization request among it. */
export function openOwnPage(secret: PurposeSecret, sealed: string): string | undefined {
  const page = unsealText(secret, sealed, associated)
  return page !== undefined && Object.hasOwn(pages, page) ? pages[page as OwnPage] : undefined
}
