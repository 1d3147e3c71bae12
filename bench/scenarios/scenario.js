/** @typedef {import('../servers/target.js').Target} Target */
/** @typedef {import('../servers/target.js').ServerName} ServerName */

/**
 * One kind of work, the same at every server that can do it.
 *
 * @typedef {object} Scenario
 * @property {string} name as it is typed
 * @property {string} title as it is shown
 * @property {readonly ServerName[]} servers those that can do it; those with `Signet, external` touch the database
 * @property {(target: Target) => Promise<import('../load/load.js').Load | import('../load/journeys.js').Journeys>} prepare asks once,
 *   checks the answer, and says what is to be sent again and again
 */

/** What the database has no part in. */
export const inMemory = /** @type {const} */ (['floor', 'oidc-provider', 'Signet'])

/** What goes to the database. There is no floor: what it would have to do is the question. */
export const inDatabase = /** @type {const} */ (['oidc-provider', 'Signet', 'Signet, external'])
