// Modules of the built tests. They have the types of their sources, so that checking types needs no build.

const built = (/** @type {string} */ path) => import(new URL(`../../build/test/${path}.js`, import.meta.url).href)

/** @type {typeof import('../support/free-port.ts')} */
export const { freePort } = await built('support/free-port')

/** @returns {Promise<typeof import('../browser/chromium.ts')>} */
export const chromium = () => built('browser/chromium')
