/** The page that applications embed (OpenID Connect Session Management §3.3). Nobody sees it: it consists of a script, which reads the cookie of this name. */
export function CheckSessionPage({ cookie }: { readonly cookie: string }) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <title>Session check</title>
        <meta name="robots" content="noindex" />
        <script src="/assets/check-session.js" data-cookie={cookie} />
      </head>
      <body />
    </html>
  )
}
