import { domainToASCII, domainToUnicode } from 'node:url'

/**
 * Characters that are in no address: those that RFC 5321 allows only in quoted local parts, white space, and everything that is invisible.
 * Invisible are control (Cc), format and bidirectional (Cf) characters, surrogates, and code points that are unassigned or for private use (all of
 * C), variation selectors and fillers (Default_Ignorable), and the blank Braille pattern.
 */
export const notInEmail = /[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u2800<>"(),:;\\[\]]/u
/** U+200C and U+200D occur in domain names of some languages. `domainToASCII` checks where they are allowed (RFC 5892 Appendix A). */
const joiners = /[\u200c\u200d]/g

/**
 * Letters, digits and inner hyphens, at least two labels (RFC 5321 §2.3.5) of up to 63 octets (RFC 1035 §2.3.4). A top-level domain is never a
 * number: that would be an IPv4 address.
 */
const mailDomain =
  /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?=[a-z0-9-]*[a-z])[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

/**
 * The canonical form of the domain of an e-mail address: as in DNS, in ASCII and lower case (UTS 46).
 *
 * @param typed at most about a thousand characters, without surrounding white space
 * @returns undefined if it is not a domain name
 */
export function asciiMailDomain(typed: string): string | undefined {
  // `domainToASCII` accepts any host of a URL, even percent-encoded or followed by a path. UTS 46 ignores some invisible characters, so they are
  // rejected first.
  if (notInEmail.test(typed.replaceAll(joiners, '')) || /[^a-z0-9.\x80-\uffff-]/i.test(typed)) return undefined
  // UTS 46 mapped the capital `ẞ` to `ss` until Unicode 15.1, and maps it to `ß` since then, so versions of Node disagree.
  const ascii = domainToASCII(typed.replaceAll('ẞ', 'ß'))
  if (!mailDomain.test(ascii)) return undefined
  // Some versions accept labels that no conversion produces, such as `xn--abc-`.
  return domainToASCII(domainToUnicode(ascii)) === ascii ? ascii : undefined
}
