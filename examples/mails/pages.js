import { html, textOf } from '../notes/html.js'

/** @typedef {import('../notes/html.js').SafeHtml} SafeHtml */
/** @typedef {import('./mail-files.js').StoredMail} StoredMail */

/**
 * @param {SafeHtml} content
 * @param {string} [title]
 */
function page(content, title) {
  return textOf(html`<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>${title === undefined ? 'Mails' : `${title} – Mails`}</title>
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <link rel="icon" type="image/svg+xml" href="/assets/mails.svg">
    <link rel="stylesheet" href="/assets/mails.css">
  </head>
  <body>
    <header><a href="/"><img src="/assets/mails.svg" alt="" width="32" height="32"> Mails</a></header>
    <main>${content}</main>
  </body>
</html>
`)
}

/** @param {readonly StoredMail[]} mails newest first */
export function listPage(mails) {
  return page(html`<h1>Mails of the demo</h1>
      <p>Signet writes these to files instead of sending them. <a id="reload" href="/">Look for new ones</a></p>
      ${
        mails.length === 0
          ? html`<p id="mails">There are no mails yet. A new one appears here a moment after Signet has written it.</p>`
          : html`<ol id="mails">${mails.map(listed)}</ol>`
      }`)
}

/** @param {StoredMail} mail */
function listed({ name, subject, to, date }) {
  return html`<li>
    <a href="/mails/${name}">${subject}</a>
    <span>To <bdi>${to}</bdi>${date && html`, ${timeOf(date)}`}</span>
  </li>`
}

/**
 * @param {StoredMail} mail
 * @param {string} sandbox what the HTML part may do
 */
export function mailPage({ name, subject, from, to, date, text }, sandbox) {
  return page(
    html`<h1>${subject}</h1>
      <dl>
        <div><dt>From</dt><dd><bdi>${from}</bdi></dd></div>
        <div><dt>To</dt><dd><bdi>${to}</bdi></dd></div>
        ${date && html`<div><dt>Date</dt><dd>${timeOf(date)}</dd></div>`}
      </dl>
      <section aria-labelledby="html">
        <h2 id="html">HTML part</h2>
        <iframe src="/mails/${name}/html" title="HTML part" sandbox="${sandbox}"></iframe>
      </section>
      <section aria-labelledby="text">
        <h2 id="text">Text part</h2>
        <pre>${text.split('\n').map(line)}</pre>
      </section>`,
    subject,
  )
}

/**
 * A line of the text part. A mail program makes a link of an address that stands alone.
 *
 * @param {string} text
 */
function line(text) {
  if (!/^https?:\/\/\S+$/.test(text)) return html`${text}\n`
  return html`<a href="${text}" target="_blank" rel="noopener noreferrer">${text}</a>\n`
}

/** @param {Date} date */
function timeOf(date) {
  const shown = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'medium' }).format(date)
  return html`<time datetime="${date.toISOString()}">${shown}</time>`
}

/** @param {string} sentence */
export function faultPage(sentence) {
  return page(html`<h1>Not found</h1><p id="fault">${sentence}</p><p><a href="/">All mails</a></p>`, 'Not found')
}
