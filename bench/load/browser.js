// The parts of a browser that a sign-in needs: it keeps cookies and connections, and fills in forms.
import { Agent, request } from 'node:http'

/**
 * @typedef {object} Visit
 * @property {string} url
 * @property {number} status
 * @property {string | undefined} location the target of a redirect, absolute
 * @property {string} text
 */

/** @typedef {ReturnType<typeof createBrowser>} Browser */

/** Persistent connections, shared by many browsers. */
export const createConnections = () => new Agent({ keepAlive: true, noDelay: true })

/**
 * @param {Agent} agent
 * @param {Map<string, string>} [cookies]
 */
export function createBrowser(agent, cookies = new Map()) {
  /**
   * @param {string} url
   * @param {string} method
   * @param {{ type: string, text: string } | undefined} body
   * @param {Record<string, string>} headers
   * @returns {Promise<Visit>}
   */
  const send = (url, method, body, headers) =>
    new Promise((resolve, reject) => {
      const content = body && { 'content-type': body.type, 'content-length': Buffer.byteLength(body.text) }
      const call = request(url, { agent, method, headers: { ...content, ...headers } })
      call.once('error', reject)
      call.once('response', (response) => {
        for (const line of response.headers['set-cookie'] ?? []) {
          const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
          if (value === '') cookies.delete(name)
          else cookies.set(name, value)
        }
        const { location } = response.headers
        let text = ''
        response.setEncoding('utf8').on('data', (part) => (text += part))
        response.once('error', reject)
        response.once('end', () =>
          resolve({
            url,
            text,
            status: response.statusCode ?? 0,
            location: location === undefined ? undefined : new URL(location, url).href,
          }),
        )
      })
      call.end(body?.text)
    })

  /**
   * @param {string} url
   * @param {Record<string, string>} [form] to be posted
   * @param {Record<string, string>} [headers]
   */
  const visit = (url, form, headers = {}) => {
    const cookie = Array.from(cookies, ([name, value]) => `${name}=${value}`).join('; ')
    const body = form && { type: 'application/x-www-form-urlencoded', text: String(new URLSearchParams(form)) }
    return send(url, body ? 'POST' : 'GET', body, { ...(cookie && { cookie }), ...headers })
  }

  /** Calls an API, without cookies. @param {string} url @param {object} value */
  const put = (url, value) => send(url, 'PUT', { type: 'application/json', text: JSON.stringify(value) }, {})

  /**
   * Sends the form of a page that has a field or button of this name.
   *
   * @param {Visit} page
   * @param {string} field
   * @param {Record<string, string>} values which replace those of the form
   */
  const submit = (page, field, values) => {
    const form = page.text.match(/<form.*?<\/form>/gs)?.find((html) => html.includes(`name="${field}"`))
    if (!form) throw new Error(`${page.url} answered ${page.status} without a form that has ${field}.`)
    const inputs = Array.from(form.matchAll(/<input[^>]*>/g), ([input]) => input)
    const held = inputs
      .filter((input) => attribute(input, 'type') !== 'submit') // only the button that is pressed is sent
      .map((input) => [attribute(input, 'name'), attribute(input, 'value')])
    const action = attribute(form.slice(0, form.indexOf('>') + 1), 'action')
    const { origin } = new URL(page.url)
    return visit(new URL(action, page.url).href, { ...Object.fromEntries(held), ...values }, { origin })
  }

  return { visit, put, submit, cookies }
}

/** @param {string} tag @param {string} name */
function attribute(tag, name) {
  return (new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1] ?? '').replaceAll('&amp;', '&')
}
