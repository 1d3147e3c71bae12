// @ts-check
// Creates and uses passkeys (Web Authentication). The page has the options, this script asks the browser, and an ordinary form takes the answer to the
// server. Without this script the buttons stay hidden, and the page says why.

/** @type {typeof import('@simplewebauthn/browser') | undefined} */
const webauthn = /** @type {any} */ (globalThis).SimpleWebAuthnBrowser

/** @typedef {Readonly<Record<'cancelled' | 'failed' | 'exists', string>>} Texts */

for (const area of document.querySelectorAll('[data-passkey]')) if (area instanceof HTMLElement) offer(area)
for (const field of document.querySelectorAll('input[data-passkeys-possible]'))
  if (field instanceof HTMLInputElement) tell(field)

/** @param {HTMLElement} area */
function offer(area) {
  const button = area.querySelector('button')
  const credential = area.querySelector('input[name=credential]')
  const status = area.querySelector('[role=status]')
  const form = button?.form
  if (!(button && form && status && credential instanceof HTMLInputElement)) return
  if (!webauthn?.browserSupportsWebAuthn()) {
    area.querySelector('.passkey-missing')?.removeAttribute('hidden')
    return
  }
  const { startAuthentication, startRegistration, browserSupportsWebAuthnAutofill } = webauthn
  for (const element of area.querySelectorAll('.passkey-shown')) element.removeAttribute('hidden')

  /** @type {Texts} */
  const texts = JSON.parse(area.dataset['texts'] ?? '{}')
  const optionsJSON = JSON.parse(area.dataset['options'] ?? '{}')
  const isNew = area.dataset['passkey'] === 'create'
  let isBusy = false

  /** @param {boolean} useBrowserAutofill */
  const ask = (useBrowserAutofill) =>
    isNew
      ? startRegistration({ optionsJSON: named(optionsJSON, area) })
      : startAuthentication({ optionsJSON, useBrowserAutofill })

  /** @param {object} answer */
  const send = (answer) => {
    credential.value = JSON.stringify(answer)
    // Its event has no submitter, so it is not handled below.
    form.requestSubmit()
  }

  // The browser suggests passkeys in the field for the user name (conditional mediation), until the person uses the button.
  const suggest = async () => {
    if (!('autofill' in area.dataset) || !(await browserSupportsWebAuthnAutofill())) return
    // Nobody has asked for anything yet, so there is nothing to say if it fails.
    await ask(true).then(send, () => undefined)
  }

  form.addEventListener('submit', async (event) => {
    if (event.submitter !== button) return
    event.preventDefault()
    if (isBusy) return
    isBusy = true
    status.textContent = ''
    try {
      send(await ask(false))
    } catch (error) {
      status.textContent = texts[reasonOf(error)]
      suggest()
    }
    isBusy = false
  })

  // After going back in history: each challenge is accepted once, and the page needs a new one.
  window.addEventListener('pageshow', () => {
    if (credential.value !== '') location.reload()
  })
  suggest()
}

/**
 * The options with what the person has typed as the name of the account.
 *
 * @param {import('@simplewebauthn/browser').PublicKeyCredentialCreationOptionsJSON} options
 * @param {HTMLElement} area
 */
function named(options, area) {
  const typed = (/** @type {string | undefined} */ id) => {
    const field = id === undefined ? null : document.getElementById(id)
    return field instanceof HTMLInputElement ? field.value.trim() : ''
  }
  const name = typed(area.dataset['nameFrom']) || options.user.name
  const displayName = typed(area.dataset['displayNameFrom']) || options.user.displayName || name
  return { ...options, user: { ...options.user, name, displayName } }
}

/**
 * @param {unknown} error
 * @returns {keyof Texts}
 */
function reasonOf(error) {
  // NotAllowedError: the person has cancelled, or has waited too long. Browsers do not tell these apart from other reasons, so as to keep them private.
  const name = error instanceof Error ? error.name : ''
  if (name === 'InvalidStateError') return 'exists'
  return name === 'NotAllowedError' || name === 'AbortError' ? 'cancelled' : 'failed'
}

/**
 * Tells the server that this browser can create passkeys and suggest them at sign-in, so that it can offer one to somebody who has just signed in
 * with a password.
 *
 * @param {HTMLInputElement} field
 */
async function tell(field) {
  const possible = await Promise.all([
    webauthn?.platformAuthenticatorIsAvailable(),
    webauthn?.browserSupportsWebAuthnAutofill(),
  ]).catch(() => [false])
  if (possible.every(Boolean)) field.value = '1'
}
