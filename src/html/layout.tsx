import type { ComponentChildren } from 'preact'
import type { PageClient } from './account-and-client.tsx'
import { type Brand, defaultName } from './brand.ts'
import { Footer } from './footer.tsx'
import { fillText, type PageContext } from './messages/messages.ts'

interface LayoutProps {
  readonly page: PageContext
  /**
   * The document's title, to which the name of the installation is added. Never a name that a client or a person chose: a title is plain
   * text, so the direction of a name cannot be isolated.
   */
  readonly title: string
  /** Whether something went wrong: the title then begins with “Error”, because screen readers read the title first (WCAG technique G88). */
  readonly faulty?: boolean | undefined
  /** Scripts from `/assets/`. Pages work without them. */
  readonly scripts?: readonly string[] | undefined
  /** The client whose request this is, for the links below the card. */
  readonly client?: PageClient | undefined
  /** Where a page goes on to by itself. Only for browsers without scripts: with scripts, one of the `scripts` decides when. */
  readonly goesOn?: { readonly href: string; readonly seconds: number } | undefined
  readonly children: ComponentChildren
}

/**
 * What all pages share: the head, the brand, the card and the footer. Nothing is inline, because the Content-Security-Policy allows only
 * `'self'`.
 */
export function Layout({ page, title, faulty, scripts = [], client, goesOn, children }: LayoutProps) {
  const { brand, messages } = page
  const { layout } = messages
  const named = title === brand.name ? title : `${title} – ${brand.name}`
  return (
    <html lang={page.locale}>
      <head>
        <meta charset="utf-8" />
        <title>{faulty ? fillText(layout.faultyTitle, { title: named }) : named}</title>
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="theme-color" media="(prefers-color-scheme: light)" content="#f3f0e8" />
        <meta name="theme-color" media="(prefers-color-scheme: dark)" content="#121615" />
        <meta name="robots" content="noindex" />
        <link rel="icon" type={brand.logo?.contentType ?? 'image/svg+xml'} href={brand.logo?.href ?? seal} />
        <link rel="stylesheet" href="/assets/signet.css" />
        {brand.styleHref && <link rel="stylesheet" href={brand.styleHref} />}
        {goesOn && (
          <noscript>
            <meta http-equiv="refresh" content={`${goesOn.seconds};url=${goesOn.href}`} />
          </noscript>
        )}
        {scripts.map((script) => (
          <script key={script} src={`/assets/${script}`} defer />
        ))}
      </head>
      <body>
        <BrandHeader brand={brand} />
        <main class="card">{children}</main>
        <Footer page={page} client={client} />
      </body>
    </html>
  )
}

const seal = '/assets/signet.svg'

/**
 * The name with its logo, which is decorative because the name is next to it. An installation without a name of its own has Signet's
 * seal.
 */
function BrandHeader({ brand: { name, logo } }: { readonly brand: Brand }) {
  if (name === defaultName && !logo)
    return (
      <header class="seal">
        <img src={seal} alt={defaultName} width="80" height="80" />
      </header>
    )
  return (
    <header class="brand">
      {logo && <img class="brand-logo" src={logo.href} alt="" />}
      <p class="brand-name">
        <bdi>{name}</bdi>
      </p>
    </header>
  )
}
