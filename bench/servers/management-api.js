/**
 * Calls the management API of a server, in JSON.
 *
 * @param {string} base
 * @param {Record<string, string>} [headers]
 */
export function api(base, headers = {}) {
  /**
   * @param {string} method
   * @param {string} path
   * @param {object} value
   * @returns {Promise<Record<string, unknown>>} empty if there is no content
   * @throws {Error} if it does not succeed
   */
  return async (method, path, value) => {
    const response = await fetch(`${base}${path}`, {
      ...{ method, body: JSON.stringify(value) },
      headers: { 'content-type': 'application/json', ...headers },
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${base}${path} answered ${response.status}: ${text}`)
    return text === '' ? {} : JSON.parse(text)
  }
}
