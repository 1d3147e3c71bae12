import { Footer } from './footer.tsx'
import type { PageContext } from './messages/messages.ts'

/**
 * A few rules with the colours of public/signet.css. The page is sent while other requests are refused, and its connection is not read for a while. So the
 * browser must not have to ask for anything else, and every byte is sent to everybody who is refused.
 */
export const overloadStyle = `:root{color-scheme:light dark;--paper:#f3f0e8;--card:#fffefa;--line:#ddd7c8;--ink:#1e2422;--quiet:#565e5a;--accent:#1d5c50}
@media(prefers-color-scheme:dark){:root{--paper:#121615;--card:#1b211f;--line:#343c39;--ink:#ebe8df;--quiet:#aab2ae;--accent:#85cbb8}}
body{margin:0;padding:11vh 16px 32px;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
.brand,.card,.below{max-width:416px;margin:0 auto 20px;overflow-wrap:anywhere}
.brand,.below{text-align:center}
.brand{font-weight:600}
.card{box-sizing:border-box;padding:32px;border:1px solid var(--line);border-radius:14px;background:var(--card)}
h1{margin:0 0 12px;font:600 26px/1.25 Georgia,serif}
.eyebrow,.details{color:var(--quiet);font-size:14px}
.eyebrow{margin:0 0 4px}
.details{margin-top:24px;padding-top:12px;border-top:1px solid var(--line)}
dl{margin:0}dd{margin:0 0 8px}
a{color:var(--accent)}
ul{padding:0;list-style:none}li{display:inline-block;margin:0 8px}
.unseen{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
@media(max-width:480px){.card{padding:24px 20px}}`

interface OverloadPageProps {
  readonly page: PageContext
  readonly status: number
  readonly requestId: string
  readonly code: string
  readonly codeHref: string
}

/** Says that there are too many requests, like other error pages, but without anything that has to be loaded. */
export function OverloadPage({ page, status, requestId, code, codeHref }: OverloadPageProps) {
  const { brand, messages } = page
  const { error, errors } = messages
  return (
    <html lang={page.locale}>
      <head>
        <meta charset="utf-8" />
        <title>{`${errors.busyTitle} – ${brand.name}`}</title>
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="robots" content="noindex" />
        {/* Otherwise the browser asks for /favicon.ico. */}
        <link rel="icon" href="data:," />
        {/* As a child it would be escaped. */}
        <style dangerouslySetInnerHTML={{ __html: overloadStyle }} />
      </head>
      <body>
        <header class="brand">
          <bdi>{brand.name}</bdi>
        </header>
        <main class="card">
          <p class="eyebrow">{status}</p>
          <h1>{errors.busyTitle}</h1>
          <p>{errors.busy}</p>
          <div class="details">
            <p>{error.tell}</p>
            <dl>
              <dt>{error.code}</dt>
              <dd>
                <a href={codeHref}>
                  <code>{code}</code>
                </a>
              </dd>
              <dt>{error.requestId}</dt>
              <dd>
                <code>{requestId}</code>
              </dd>
            </dl>
          </div>
        </main>
        <Footer page={page} />
      </body>
    </html>
  )
}
