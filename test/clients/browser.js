import { once } from 'node:events'
import { request } from 'node:http'
import { text } from 'node:stream/consumers'

/**
 * @typedef {object} Visit
 * @property {string} url
 * @property {number} status
 * @property {string} text
 * @property {string | undefined} location the redirect's target, as an absolute URL
 */

/**
 * A browser at the level of HTTP: it keeps cookies by host name (browsers do not separate them by port), follows redirects and submits
 * forms. It ignores SameSite and Secure, because everything here is on localhost.
 */
export function createBrowser() {
  /** @type {Map<string, Map<string, string>>} */
  const jars = new Map()

  /**
   * @param {string | URL} target
   * @param {{ method?: 'GET' | 'POST', body?: string, headers?: Record<string, string> }} [init]
   * @returns {Promise<Visit>}
   */
  const visit = async (target, init = {}) => {
    const url = new URL(target)
    const jar = jars.get(url.hostname) ?? new Map()
    jars.set(url.hostname, jar)
    // Not fetch: it says in Sec-Fetch-Mode that no page is opened, and mod_auth_openidc then begins no sign-in.
    const sent = request(url, {
      method: init.method ?? 'GET',
      headers: {
        'sec-fetch-mode': 'navigate',
        'sec-fetch-dest': 'document',
        accept: 'text/html,application/xhtml+xml,*/*;q=0.8',
        ...(jar.size > 0 ? { cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; ') } : {}),
        ...init.headers,
      },
    }).end(init.body)
    const [response] = /** @type {[import('node:http').IncomingMessage]} */ (await once(sent, 'response'))
    const { statusCode: status = 0, headers } = response
    for (const line of headers['set-cookie'] ?? []) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (isExpired(line)) jar.delete(name)
      else jar.set(name, value)
    }
    const refresh = /^\s*0?\s*;\s*url=(.*)$/i.exec(`${headers['refresh'] ?? ''}`)?.[1]
    const next = status >= 300 && status < 400 ? headers.location : refresh
    return {
      url: url.href,
      status,
      text: await text(response),
      location: next == null ? undefined : new URL(next, url).href,
    }
  }

  const browser = {
    /**
     * Opens an address and follows redirects, across origins.
     *
     * @param {string | URL} url
     * @param {Record<string, string>} [headers]
     */
    open: async (url, headers = {}) => browser.follow(await visit(url, { headers })),

    /** @param {Visit} first */
    follow: async (first) => {
      let last = first
      for (let hops = 0; last.location !== undefined; hops++) {
        if (hops === 20) throw new Error(`Redirected 20 times, last to ${withoutQuery(last.location)}`)
        last = await visit(last.location)
      }
      return last
    },

    /**
     * Submits a form with its own values, and these in place of some.
     *
     * @param {Visit} page
     * @param {Form} form
     * @param {Record<string, string>} [values]
     */
    submit: async (page, form, values = {}) => {
      const target = new URL(form.action || page.url, page.url)
      const fields = new URLSearchParams({ ...form.inputs, ...values })
      if (form.method === 'get') return browser.open(`${target.origin}${target.pathname}?${fields}`)
      const { origin } = new URL(page.url)
      return browser.follow(
        await visit(target, {
          method: 'POST',
          body: fields.toString(),
          headers: { 'content-type': 'application/x-www-form-urlencoded', origin, referer: page.url },
        }),
      )
    },
  }
  return browser
}

/** @typedef {{ action: string, method: string, html: string, inputs: Record<string, string> }} Form */

/**
 * @param {string} html
 * @returns {Form[]}
 */
export function formsOf(html) {
  return [...html.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/gi)].map(([, attributes = '', content = '']) => ({
    action: attribute(attributes, 'action') ?? '',
    method: (attribute(attributes, 'method') ?? 'get').toLowerCase(),
    html: content,
    inputs: Object.fromEntries(
      [...content.matchAll(/<input\b([^>]*)>/gi)].flatMap(([, input = '']) => {
        const name = attribute(input, 'name')
        const isUnticked = /type=["']?checkbox/i.test(input) && !/\schecked\b/.test(input)
        return name === undefined || isUnticked ? [] : [[name, attribute(input, 'value') ?? '']]
      }),
    ),
  }))
}

/**
 * @param {string} attributes
 * @param {string} name
 */
function attribute(attributes, name) {
  const [, double, single] = new RegExp(`(?:^|\\s)${name}=(?:"([^"]*)"|'([^']*)')`, 'i').exec(attributes) ?? []
  const value = double ?? single
  return value === undefined ? undefined : decodeEntities(value)
}

/** @param {string} text */
function decodeEntities(text) {
  return text
    .replaceAll('&quot;', '"')
    .replaceAll('&#x27;', "'")
    .replaceAll('&#39;', "'")
    .replaceAll('&#34;', '"')
    .replaceAll('&#x2F;', '/')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')
}

/** @param {string} cookie a Set-Cookie line */
function isExpired(cookie) {
  const expires = /;\s*expires=([^;]+)/i.exec(cookie)?.[1]
  return /;\s*max-age=0*\s*(;|$)/i.test(cookie) || (expires !== undefined && Date.parse(expires) < Date.now())
}

/** @param {string} url */
export function withoutQuery(url) {
  const { origin, pathname } = new URL(url)
  return origin + pathname
}
