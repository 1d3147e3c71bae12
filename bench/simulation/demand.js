// The assumptions of docs/scale.md. Change them here, and run `node bench/simulation/scale.js --docs`.

/**
 * What people and machines ask for. None of these figures is measured: they are chosen for an installation for consumers, and rather high than low.
 * Your own are in the metrics (`signet_token_requests_total` and others).
 */
export const demand = {
  /** The part of the accounts that are used on a day. */
  activeAccounts: 0.1,
  /** What each account that is used on a day causes on that day. The names are those of the scenarios of the bench. */
  perActiveAccount: {
    'sign-in': 0.2, // a session lasts a week without use (SIGNET_SESSION_IDLE_TTL), and people have more than one browser
    'code-flow': 0.5, // in a browser that is signed in
    refresh: 12, // an access token lasts 15 minutes (SIGNET_ACCESS_TOKEN_TTL): three hours of use
    userinfo: 0.5,
    introspection: 2, // most services verify tokens without a request
  },
  /** What machines and services cause on a day, for each account, used or not. */
  perAccount: {
    'client-credentials-es256': 0.1,
    'jwk-set': 0.02,
  },
  /** The rate of the busiest minutes of the day, as a multiple of the average. */
  peak: 3,
}

/** What runs it. */
export const machines = {
  /** Cores of a node, which is also the number of its processes (SIGNET_WORKERS). */
  coresPerNode: 8,
  /** Connections to PostgreSQL that a node may open (SIGNET_DATABASE_POOL). Its processes get equal shares. */
  poolPerNode: 40,
  /** Passwords that each process checks at the same time. */
  hashesAtATime: 3,
  /** The part of the cores that is busy at the peak. The rest is for failures, vacuum, backups, and peaks within the peak. */
  use: 0.5,
  /** Seconds from a node to PostgreSQL and back, in another zone of the same region. */
  network: 0.0005,
  /** Seconds until a commit is durable, on a local disk and on a standby in another zone. */
  commit: 0.002,
}

/** How many rows there are. Lifetimes are in days, and include the time until the cleaner deletes a row. */
export const storage = {
  perAccount: { accounts: 1, account_emails: 1, account_credentials: 1, known_browsers: 2, consents: 1.5 },
  /** Rows that each request of a kind leaves, and for how many days. */
  perRequest: [
    { kind: 'sign-in', table: 'sessions', rows: 1, days: 37 },
    // Applications that use a refresh token for weeks. Other grants end with their last access token.
    { kind: 'code-flow', table: 'grants', rows: 0.5, days: 60 },
    { kind: 'code-flow', table: 'refresh_families', rows: 0.5, days: 60 },
    { kind: 'code-flow', table: 'authorization_codes', rows: 1, days: 1 },
    // SIGNET_EVENT_RETENTION
    { kind: 'sign-in', table: 'events', rows: 2, days: 365 },
    { kind: 'code-flow', table: 'events', rows: 2, days: 365 },
    { kind: 'refresh', table: 'events', rows: 1, days: 365 },
  ],
  /** Space for rows that have changed or gone until it is used again. Events only come and go in order. */
  bloat: 1.3,
}

/**
 * Requests on an average day, by kind.
 *
 * @param {number} accounts
 * @returns {Map<string, number>}
 */
export function requestsPerDay(accounts) {
  const used = Object.entries(demand.perActiveAccount).map(([kind, each]) => [kind, each * demand.activeAccounts])
  const all = /** @type {[string, number][]} */ ([...used, ...Object.entries(demand.perAccount)])
  return new Map(all.map(([kind, each]) => [kind, each * accounts]))
}

/**
 * Requests a second at the peak, by kind.
 *
 * @param {number} accounts
 * @returns {Map<string, number>}
 */
export function ratesAtPeak(accounts) {
  return new Map([...requestsPerDay(accounts)].map(([kind, count]) => [kind, (count * demand.peak) / 86_400]))
}
