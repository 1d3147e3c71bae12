/** The algorithms that Signet signs with (RFC 7518 §3.1). */
export const signingAlgorithms = ['ES256', 'RS256'] as const
export type SigningAlgorithm = (typeof signingAlgorithms)[number]

/** The algorithms that clients may sign their assertions with (RFC 7518 §3.1, RFC 8037 §3.1). */
export const assertionAlgorithms = ['ES256', 'RS256', 'PS256', 'EdDSA'] as const
export type AssertionAlgorithm = (typeof assertionAlgorithms)[number]
