import { createHash } from 'node:crypto'
import { accentStyleSheet } from './accent-colour.ts'

/** How an installation presents itself. It is the same on every page, and constant while the process runs. */
export interface Brand {
  readonly name: string
  /** The picture beside the name: a path on our own origin. Undefined: none. */
  readonly logo: { readonly href: string; readonly contentType: string } | undefined
  /** The style sheet of the accent colour: a path on our own origin. Undefined: the colours of signet.css. */
  readonly styleHref: string | undefined
  /** The accent colour itself, `#rrggbb`, for mails. */
  readonly accentColor: string | undefined
  /** Checked when the settings are read: https, http on loopback, or mailto for help. */
  readonly helpUrl: string | undefined
  readonly privacyUrl: string | undefined
  readonly termsUrl: string | undefined
  /** What the paths above lead to. */
  readonly assets: ReadonlyMap<string, BrandAsset>
}

export interface BrandAsset {
  readonly bytes: Buffer
  readonly contentType: string
}

interface BrandSettings {
  readonly name: string
  readonly helpUrl: string | undefined
  readonly privacyUrl: string | undefined
  readonly termsUrl: string | undefined
  /** `#rrggbb` */
  readonly accentColor: string | undefined
}

/** The name of an installation that has been given none. */
export const defaultName = 'Signet'

export const brandFolder = '/assets/brand/'

/**
 * Prepares the brand for the pages.
 *
 * @param logo the picture, which has been checked
 */
export function createBrand(settings: BrandSettings, logo?: BrandAsset & { readonly extension: string }): Brand {
  const { name, helpUrl, privacyUrl, termsUrl, accentColor } = settings
  const assets = new Map<string, BrandAsset>()
  // The hash makes it safe to cache the file for a year: other content has another address.
  const add = (bytes: Buffer, contentType: string, extension: string) => {
    const href = `${brandFolder}${createHash('sha256').update(bytes).digest('hex').slice(0, 20)}.${extension}`
    assets.set(href, { bytes, contentType })
    return href
  }
  return {
    name,
    logo: logo && { href: add(logo.bytes, logo.contentType, logo.extension), contentType: logo.contentType },
    styleHref: accentColor && add(Buffer.from(accentStyleSheet(accentColor)), 'text/css; charset=utf-8', 'css'),
    accentColor,
    helpUrl,
    privacyUrl,
    termsUrl,
    assets,
  }
}
