// @ts-check
// Demonstrates a shared secret: anyone who can verify with it can also sign with it.

import { byId, colouredToken, element, fill, unfold } from './element.js'
import { check, importSecret, makePair, sign } from './sign.js'

/** RFC 7518 §3.2: as long as the hash, in bytes. */
const minSecretLength = 32

/** @param {import('./page.js').Texts} texts */
export function tryBothWays({ inspect, sharedSecret: text }) {
  const say = (/** @type {string} */ key) => text[key] ?? key
  if (!globalThis.crypto?.subtle) {
    byId('shared-tool', HTMLTemplateElement).replaceWith(element('p', { class: 'notice' }, say('noCrypto')))
    return
  }
  unfold('shared-tool')
  const payloadInput = byId('shared-payload', HTMLTextAreaElement)
  const secretInput = byId('shared-secret', HTMLInputElement)
  const status = byId('shared-told', HTMLElement)
  const fault = byId('shared-fault', HTMLElement)
  const bothWays = byId('both-ways', HTMLElement)

  byId('shared-sign', HTMLButtonElement).addEventListener('click', async () => {
    const payload = objectIn(payloadInput.value)
    const wrong = !payload ? 'payloadInvalid' : secretInput.value === '' ? 'secretMissing' : undefined
    fault.replaceChildren(...(wrong ? fill(say(wrong), { example: element('code', {}, '{"sub":"ada"}') }) : []))
    payloadInput.setAttribute('aria-invalid', String(wrong === 'payloadInvalid'))
    secretInput.setAttribute('aria-invalid', String(wrong === 'secretMissing'))
    if (!payload || wrong) {
      bothWays.replaceChildren()
      status.textContent = ''
      return (wrong === 'secretMissing' ? secretInput : payloadInput).focus()
    }
    const secret = await importSecret(secretInput.value)
    const pair = await makePair()
    const signed = {
      HS256: await sign('HS256', secret, payload),
      ES256: await sign('ES256', pair.privateKey, payload),
    }
    const { crv, x, y } = await crypto.subtle.exportKey('jwk', pair.publicKey)
    const checked = {
      HS256: await outcome(check('HS256', secret, signed.HS256)),
      ES256: await outcome(check('ES256', pair.publicKey, signed.ES256)),
    }
    const length = new TextEncoder().encode(secretInput.value).length
    bothWays.replaceChildren(
      way(
        'symmetric',
        'HS256',
        step(
          'issuerSigns',
          'withSecret',
          colouredToken(signed.HS256, inspect),
          ...(length < minSecretLength ? [short(length)] : []),
        ),
        step('apiChecks', 'bySecret', checked.HS256),
        mintStep('mint-hs256', async (place) => {
          const claims = { ...payload, admin: true }
          const minted = await sign('HS256', secret, claims)
          place.replaceChildren(
            element('p', {}, say('mintedBySecret')),
            json(claims),
            colouredToken(minted, inspect),
            await outcome(check('HS256', secret, minted)),
            element('p', {}, say('mintedAccepted')),
          )
          status.textContent = `${say('accepted')}. ${say('mintedAccepted')}`
        }),
      ),
      way(
        'asymmetric',
        'ES256',
        step('issuerSigns', 'withPrivateKey', colouredToken(signed.ES256, inspect)),
        step('apiChecks', 'byPublicKey', json({ kty: 'EC', crv, x, y }), checked.ES256),
        mintStep('mint-es256', async (place) => {
          const claims = { ...payload, admin: true }
          const error = await sign('ES256', pair.publicKey, claims).then(() => '', nameOf)
          const minted = await sign('ES256', (await makePair()).privateKey, claims)
          place.replaceChildren(
            element('p', {}, ...fill(say('cannotSign'), { error: element('code', {}, error) })),
            element('p', {}, say('mintedByOwnKey')),
            json(claims),
            colouredToken(minted, inspect),
            await outcome(check('ES256', pair.publicKey, minted)),
            element('p', {}, say('mintedRefused')),
          )
          status.textContent = `${say('refused')}. ${say('mintedRefused')}`
        }),
      ),
    )
    const values = {
      one: 'HS256',
      first: checked.HS256.textContent ?? '',
      other: 'ES256',
      second: checked.ES256.textContent ?? '',
    }
    status.textContent = fill(say('told'), values).join('')
  })

  /** @param {Promise<boolean>} accepted */
  async function outcome(accepted) {
    const key = (await accepted) ? 'accepted' : 'refused'
    return element('p', { class: `outcome ${key}` }, say(key))
  }

  /** @param {number} length in bytes */
  function short(length) {
    return element('p', { class: 'about' }, ...fill(say('secretShort'), { count: String(length) }))
  }

  /**
   * @param {string} title
   * @param {string} alg
   * @param {...HTMLElement} steps
   */
  function way(title, alg, ...steps) {
    return element(
      'div',
      { class: 'way', id: `way-${alg.toLowerCase()}` },
      element('h3', {}, say(title), ' ', element('code', {}, alg)),
      element('ol', {}, ...steps),
    )
  }

  /**
   * @param {string} title
   * @param {string} how
   * @param {...HTMLElement} shown
   */
  function step(title, how, ...shown) {
    return element(
      'li',
      { class: 'step' },
      element('p', {}, element('strong', {}, say(title)), ' ', say(how)),
      ...shown,
    )
  }

  /**
   * @param {string} id
   * @param {(place: HTMLElement) => Promise<void>} mint
   */
  function mintStep(id, mint) {
    const button = element('button', { class: 'button', type: 'button', id }, say('mint'))
    const place = element('div', { class: 'minted' })
    button.addEventListener('click', () => mint(place))
    return element('li', { class: 'step' }, element('p', {}, element('strong', {}, say('youAreNow'))), button, place)
  }
}

/** @param {object} value */
function json(value) {
  return element('pre', { class: 'json', dir: 'ltr' }, JSON.stringify(value, null, 2))
}

/** @param {unknown} error */
function nameOf(error) {
  return error instanceof Error || error instanceof DOMException ? error.name : String(error)
}

/**
 * @param {string} text
 * @returns {object | undefined}
 */
function objectIn(text) {
  try {
    const value = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}
