import { domainToASCII, domainToUnicode } from 'node:url'

/** Octets of an address and of its local part (RFC 5321 §4.5.3.1.1 and §4.5.3.1.3), and of a label of its domain (RFC 1035 §2.3.4). */
const [longestAddress, longestLocalPart] = [254, 64]
/** UTF-16 code units of what is looked at: every character of a domain in Unicode costs an octet of its Punycode, even when decomposed. */
const longestTyped = 1024

/**
 * Characters without a place in an address: those that RFC 5321 has only in quoted local parts; white space; and everything that
 * cannot be seen, such as control (Cc), format and bidirectional (Cf) characters, surrogates, and code points that are unassigned or
 * for private use (all of C), variation selectors and fillers (Default_Ignorable), and the blank Braille pattern.
 */
const unwanted = /[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u2800<>"(),:;\\[\]]/u
/** U+200C and U+200D belong to domain names of some languages. Only `domainToASCII` knows where (RFC 5892 Appendix A). */
const joiners = /[\u200c\u200d]/g

/** Letters, digits and inner hyphens, two labels at least (RFC 5321 §2.3.5). No top-level domain is a number: that is an IPv4 address. */
const mailDomain =
  /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?=[a-z0-9-]*[a-z])[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

/**
 * The one form in which an e-mail address is stored: NFC (RFC 6532 §3.1), and the domain as DNS has it, in ASCII and lower case
 * (UTS 46). Browsers send the same internationalised address as Punycode from `type=email` and in Unicode from other fields; both
 * come out alike. The local part keeps its capitals: mail systems may tell them apart. `asciiLowerCase` of two canonical addresses
 * tells whether they are the same.
 *
 * @param typed without white space around it. A full-width `＠` counts as `@`, as input methods for Japanese and Chinese produce it
 * @returns undefined where it is not an address; whether it is somebody's only a mail can tell
 */
export function canonicalEmail(typed: string): string | undefined {
  if (typed.length > longestTyped) return undefined
  const [local, domain, ...rest] = typed.normalize('NFC').replaceAll('＠', '@').split('@')
  if (!local || !domain || rest.length > 0) return undefined
  if (unwanted.test(local) || /^\p{M}/u.test(local)) return undefined
  const ascii = asciiDomain(domain)
  if (ascii === undefined) return undefined
  const email = `${local}@${ascii}`
  const fits = Buffer.byteLength(local) <= longestLocalPart && Buffer.byteLength(email) <= longestAddress
  return fits ? email : undefined
}

/** An address as its owner may write it: the domain in Unicode. */
export function emailInUnicode(email: string): string {
  const [local, domain] = email.split('@')
  return domain === undefined ? email : `${local}@${domainToUnicode(domain) || domain}`
}

function asciiDomain(domain: string): string | undefined {
  // The function takes what a URL may have for a host, percent-encoded or with a path behind it. UTS 46 ignores some characters that
  // nobody sees, so they are looked for first.
  if (unwanted.test(domain.replaceAll(joiners, '')) || /[^a-z0-9.\x80-\uffff-]/i.test(domain)) return undefined
  // UTS 46 has made `ss` of the capital `ẞ` until Unicode 15.1, and `ß` since: not all versions of Node agree.
  const ascii = domainToASCII(domain.replaceAll('ẞ', 'ß'))
  if (!mailDomain.test(ascii)) return undefined
  // Some versions let labels pass that no conversion produces, such as `xn--abc-`.
  return domainToASCII(domainToUnicode(ascii)) === ascii ? ascii : undefined
}
