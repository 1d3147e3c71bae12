import type { ComponentChildren } from 'preact'
import { fillText, type PageContext } from './messages/messages.ts'

interface LayoutProps {
  readonly page: PageContext
  /** The document's title. Never a name that somebody chose: a title is plain text, so the direction of a name cannot be isolated. */
  readonly title: string
  /** Whether something went wrong: the title then begins with “Error”, because screen readers read the title first (WCAG technique G88). */
  readonly faulty?: boolean | undefined
  /** Scripts from `/assets/`. Pages work without them. */
  readonly scripts?: readonly string[] | undefined
  /** What is shown below the card: `ClientLinks`, or nothing. */
  readonly below?: ComponentChildren
  readonly children: ComponentChildren
}

/** What all pages share: the head, the seal and the card. Nothing is inline, because the Content-Security-Policy allows only `'self'`. */
export function Layout({ page, title, faulty, scripts = [], below, children }: LayoutProps) {
  const { layout } = page.messages
  const named = title === 'Signet' ? title : `${title} – Signet`
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
        <link rel="icon" type="image/svg+xml" href="/assets/signet.svg" />
        <link rel="stylesheet" href="/assets/signet.css" />
        {scripts.map((script) => (
          <script key={script} src={`/assets/${script}`} defer />
        ))}
      </head>
      <body>
        <header class="seal">
          <img src="/assets/signet.svg" alt="Signet" width="80" height="80" />
        </header>
        <main class="card">{children}</main>
        {below}
      </body>
    </html>
  )
}
