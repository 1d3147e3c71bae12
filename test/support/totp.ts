import { Secret, TOTP } from 'otpauth'

/** Seconds for which an authenticator app shows a code. */
const period = 30

/**
 * The code that an authenticator app shows.
 *
 * @param secret in base32, as the set-up page shows it, or as bytes
 * @param now milliseconds since 1970, by the clock of the installation (`signet.clock.now()`)
 * @param steps how many codes later
 */
export function oneTimeCode(secret: string | Buffer, now: number, steps = 0): string {
  const own = typeof secret === 'string' ? Secret.fromBase32(secret.replaceAll(/\s/g, '')) : ofBytes(secret)
  return TOTP.generate({ secret: own, algorithm: 'SHA1', digits: 6, period, timestamp: now + steps * period * 1000 })
}

function ofBytes(bytes: Buffer): Secret {
  return new Secret({ buffer: new Uint8Array(bytes).buffer })
}
