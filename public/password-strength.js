// @ts-check
// Says how hard a new password is to guess, while it is typed. This is a hint: the server decides, by other rules. The estimator is large, so
// it is loaded when somebody goes to the field, into a worker, so that it never delays typing. If it cannot be loaded, only the number of missing
// characters is shown.

/**
 * @typedef {'easy' | 'better' | 'hard'} Strength
 * @typedef {Readonly<Record<Strength | 'missing' | 'missingOne', string>>} Texts
 */

/** Milliseconds without typing until the hint is read out. Otherwise screen readers would speak at every key. */
const pauseBeforeSpeaking = 900

/** By the score of zxcvbn: 10^6 guesses or fewer, up to 10^10, and more. @type {readonly Strength[]} */
const strengths = ['easy', 'easy', 'better', 'better', 'hard']

/** Fields with the person's names, wherever they are on the page. */
const namesOfPerson = ['name', 'given-name', 'family-name', 'nickname', 'username', 'email']
const ownNames = /** @type {HTMLInputElement[]} */ ([
  ...document.querySelectorAll(namesOfPerson.map((name) => `input[autocomplete="${name}"]`).join()),
])

for (const hint of document.querySelectorAll('[data-strength-of]')) if (hint instanceof HTMLElement) showStrength(hint)

/** @param {HTMLElement} hint */
function showStrength(hint) {
  const field = document.getElementById(hint.dataset['strengthOf'] ?? '')
  const shown = hint.querySelector('.strength-shown')
  const words = hint.querySelector('.strength-words')
  const spoken = hint.querySelector('[role=status]')
  if (!(field instanceof HTMLInputElement && shown instanceof HTMLElement && words && spoken)) return
  const minLength = Number(hint.dataset['minLength'])
  /** @type {Texts} */
  const texts = JSON.parse(hint.dataset['texts'] ?? '{}')

  /** @type {Worker | undefined} */
  let estimator
  /** What the estimator is working on, and what it has found out. */
  let asked = ''
  /** @type {{ password: string, score: number } | undefined} */
  let estimate
  let isBusy = false
  let timer = 0

  const load = () => {
    try {
      estimator ??= new Worker('/assets/estimate-strength.js')
    } catch {
      // Workers are disabled.
      return
    }
    estimator.onmessage = ({ data }) => {
      isBusy = false
      estimate = { password: asked, score: data }
      update()
    }
  }

  // One estimate at a time, of what is in the field then: a fast typist does not make a queue.
  const ask = () => {
    const password = field.value
    if (!estimator || isBusy || password === '' || password === estimate?.password) return
    isBusy = true
    asked = password
    estimator.postMessage({ password, words: wordsOf(hint) })
  }

  const update = () => {
    ask()
    const password = field.value
    const missing = password === '' ? 0 : Math.max(0, minLength - lengthOf(password))
    const strength = password === '' || !estimate ? undefined : strengths[estimate.score]
    // What is too short is not praised.
    const named = strength === 'hard' && missing > 0 ? 'better' : strength
    const parts = [
      named && texts[named],
      missing === 1 ? texts.missingOne : missing > 1 && texts.missing.replace('{count}', String(missing)),
    ].filter((part) => typeof part === 'string')
    shown.hidden = parts.length === 0
    shown.dataset['strength'] = named ?? ''
    words.textContent = parts.join(' · ')
    clearTimeout(timer)
    timer = window.setTimeout(() => {
      const text = parts.map((part) => `${part}.`).join(' ')
      if (spoken.textContent !== text) spoken.textContent = text
    }, pauseBeforeSpeaking)
  }

  field.addEventListener('focus', load)
  // It may have the focus already, also before this script has run.
  if (document.activeElement === field) load()
  field.addEventListener('input', update)
  for (const input of ownNames)
    input.addEventListener('change', () => {
      estimate = undefined
      update()
    })
}

/** In code points, of the shorter form, like the server: see password-rules.ts. */
function lengthOf(/** @type {string} */ password) {
  return Math.min([...password].length, [...password.normalize('NFC')].length)
}

/** What somebody who knows the person or the service would try first. */
function wordsOf(/** @type {HTMLElement} */ { dataset }) {
  /** @type {string[]} */
  const given = JSON.parse(dataset['ownNames'] ?? '[]')
  const texts = [dataset['service'] ?? '', location.hostname, ...given, ...ownNames.map(({ value }) => value)]
  return texts.flatMap((text) => [text, ...text.split(/[\s@.,+_-]+/)]).filter((word) => word.length > 2)
}
