/** The algorithms that Signet has key pairs for (RFC 7518 §3.1, RFC 8037 §3.1). ID tokens and userinfo responses can be signed with any of them. */
export const signingAlgorithms = ['ES256', 'RS256', 'PS256', 'EdDSA'] as const
export type SigningAlgorithm = (typeof signingAlgorithms)[number]

/**
 * Those of them that access tokens can be signed with: every library for resource servers knows them. ES256 is also the default of access tokens, and
 * RS256 that of ID tokens, so a node needs keys of both. Clients choose the others.
 */
export const accessTokenAlgorithms = ['ES256', 'RS256'] as const
export type AccessTokenAlgorithm = (typeof accessTokenAlgorithms)[number]

/** The algorithms of ID tokens. HS256 is keyed with the client's secret (OpenID Connect Core §10.1), so only that client can verify the token, and it can also make one. */
export const idTokenAlgorithms = [...signingAlgorithms, 'HS256'] as const
export type IdTokenAlgorithm = (typeof idTokenAlgorithms)[number]

/** The algorithms that clients may sign assertions and request objects with (RFC 7518 §3.1, RFC 8037 §3.1). */
export const assertionAlgorithms = ['ES256', 'RS256', 'PS256', 'EdDSA'] as const
export type AssertionAlgorithm = (typeof assertionAlgorithms)[number]

/** The algorithms of client assertions: those of private_key_jwt, and that of client_secret_jwt (OpenID Connect Core §9). */
export const clientAssertionAlgorithms = [...assertionAlgorithms, 'HS256'] as const
export type ClientAssertionAlgorithm = (typeof clientAssertionAlgorithms)[number]
