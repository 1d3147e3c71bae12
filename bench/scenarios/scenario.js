/** @typedef {import('../servers/target.js').Target} Target */
/** @typedef {import('../servers/target.js').ServerKind} ServerKind */

/**
 * One kind of work, the same for every server that can do it.
 *
 * @typedef {object} Scenario
 * @property {string} name on the command line
 * @property {string} title in reports
 * @property {readonly ServerKind[]} servers those that can do it; those with `Signet, external` touch the database
 * @property {(target: Target) => Promise<import('../load/load.js').Load | import('../load/flows.js').Flows>} prepare sends one
 *   request, checks the response, and returns the load
 */

/** For work that does not use the database. */
export const inMemory = /** @type {const} */ (['floor', 'oidc-provider', 'Signet', 'Ory Hydra', 'Keycloak'])

/** For work that uses the database. There is no floor, because it is unclear what a minimal server would have to do. */
export const inDatabase = /** @type {const} */ ([
  'oidc-provider',
  'Signet',
  'Signet, external',
  'Ory Hydra',
  'Keycloak',
])

/**
 * Without Ory Hydra, which signs all of its access tokens and all of its ID tokens with one algorithm each, and asks another application
 * for passwords.
 *
 * @param {readonly ServerKind[]} servers
 */
export const withoutHydra = (servers) => servers.filter((kind) => kind !== 'Ory Hydra')
