import { html, textOf } from './html.js'

/** @typedef {import('./html.js').SafeHtml} SafeHtml */
/** @typedef {import('./api-client.js').Note} Note */
/** @typedef {import('./api-client.js').Refusal} Refusal */
/** @typedef {import('./changed-token.js').Trial} Trial */

/**
 * @param {string} app the application's name
 * @param {SafeHtml} content
 * @param {string} [title]
 * @returns {string} the whole document, without inline scripts or styles: the Content-Security-Policy forbids them
 */
function page(app, content, title) {
  const document = html`<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>${title === undefined ? app : `${title} – ${app}`}</title>
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <link rel="icon" type="image/svg+xml" href="/assets/notes.svg">
    <link rel="stylesheet" href="/assets/notes.css">
  </head>
  <body>
    <header><img src="/assets/notes.svg" alt="" width="32" height="32"> ${app}</header>
    <main>${content}</main>
  </body>
</html>
`
  return textOf(document)
}

/** @param {string} app */
export function welcomePage(app) {
  return page(
    app,
    html`<h1>${app}</h1>
      <p>An example application without passwords or accounts of its own. You sign in with Signet.</p>
      <p><a class="button" id="sign-in" href="/sign-in">Sign in with Signet</a></p>`,
  )
}

/**
 * @param {string} app
 * @param {object} content
 * @param {string} content.person
 * @param {readonly Note[] | Refusal} content.notes the notes, or why they cannot be shown
 * @param {Trial | undefined} content.trial
 */
export function notesPage(app, { person, notes, trial }) {
  return page(
    app,
    html`<h1>Hello, <bdi id="person">${person}</bdi></h1>
      <form method="post" action="/notes" class="line">
        <label for="text">New note</label>
        <input id="text" name="text" required maxlength="1000" autocomplete="off">
        <button id="add" type="submit">Add</button>
      </form>
      ${'reason' in notes ? refusedNotes(notes) : noteList(notes)}
      <section aria-labelledby="try">
        <h2 id="try">Can a token be forged?</h2>
        <p>
          Your notes come from an API that recognises you by an access token. Anyone who has the token can read it and put another
          user into it. Try it: this button sends the API your token, changed so that it names somebody else.
        </p>
        <form method="post" action="/changed-token"><button id="send-changed" type="submit">Send a changed token</button></form>
        ${trial && trialResult(trial)}
      </section>
      <form method="post" action="/sign-out"><button id="sign-out" type="submit">Sign out</button></form>`,
  )
}

/** @param {readonly Note[]} notes */
function noteList(notes) {
  if (notes.length === 0) return html`<p id="notes">You have no notes yet.</p>`
  return html`<ul id="notes">${notes.map(({ text }) => html`<li>${text}</li>`)}</ul>`
}

/** @param {Refusal} refusal */
function refusedNotes(refusal) {
  return html`<p id="notes" role="alert">Your notes cannot be shown. ${inWords(refusal)}</p>`
}

/** @param {Trial} trial */
function trialResult({ before, after, refusal }) {
  return html`<div id="trial" role="status">
    <p>Your token names <code>${before}</code>. The changed token names <code>${after}</code>.</p>
    <p>${refusal ? inWords(refusal) : 'The API accepted it. This must never happen.'}</p>
  </div>`
}

/** @param {Refusal} refusal */
function inWords({ status, reason }) {
  return status === undefined ? html`${reason}` : html`The API refused the request (${String(status)}): “${reason}”`
}

/** @param {string} app */
export function signedOutPage(app) {
  return page(
    app,
    html`<h1>You are signed out</h1>
      <p>You are no longer signed in to ${app}.</p>
      <p><a class="button" id="sign-in" href="/sign-in">Sign in again</a></p>`,
    'Signed out',
  )
}

/**
 * Says what has gone wrong and offers a next step.
 *
 * @param {string} app
 * @param {{ readonly title: string, readonly sentence: string, readonly onward: 'sign-in' | 'home' }} what
 */
export function faultPage(app, { title, sentence, onward }) {
  return page(
    app,
    html`<h1>${title}</h1>
      <p id="fault">${sentence}</p>
      <p>
        ${
          onward === 'sign-in'
            ? html`<a class="button" id="sign-in" href="/sign-in">Sign in again</a>`
            : html`<a class="button" href="/">Back to ${app}</a>`
        }
      </p>`,
    title,
  )
}
