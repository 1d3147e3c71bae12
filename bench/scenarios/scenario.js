/** @typedef {import('../servers/target.js').Target} Target */
/** @typedef {import('../servers/target.js').ServerName} ServerName */

/**
 * One kind of work, the same for every server that can do it.
 *
 * @typedef {object} Scenario
 * @property {string} name on the command line
 * @property {string} title in reports
 * @property {readonly ServerName[]} servers those that can do it; those with `Signet, external` touch the database
 * @property {(target: Target) => Promise<import('../load/load.js').Load | import('../load/flows.js').Flows>} prepare sends one
 *   request, checks the response, and returns the load
 */

/** For work that does not use the database. */
export const inMemory = /** @type {const} */ (['floor', 'oidc-provider', 'Signet'])

/** For work that uses the database. There is no floor, because it is unclear what a minimal server would have to do. */
export const inDatabase = /** @type {const} */ (['oidc-provider', 'Signet', 'Signet, external'])
