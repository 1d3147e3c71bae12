import { join } from 'node:path'
import { asciiMailDomain } from '../mail-domain.ts'
import { isLoopbackHost } from '../network-address.ts'

/** The sender of mails. */
export interface MailSender {
  /** Undefined: the name of the installation. */
  readonly name: string | undefined
  readonly address: string
}

/** How mails leave this installation, if they do. */
export type MailSettings =
  | {
      readonly delivery: 'smtp'
      readonly url: string
      /** Undefined: the one in the URL, if any. */
      readonly password: string | undefined
      readonly from: MailSender
    }
  /** Each mail becomes a file in this folder, for a developer to read. */
  | { readonly delivery: 'files'; readonly folder: string; readonly from: MailSender }
  | { readonly delivery: 'none' }

/** The settings of which `MailSettings` are made. */
interface Given {
  readonly issuer: string
  readonly dataDir: string
  readonly smtpUrl: string | undefined
  readonly smtpPassword: string | undefined
  readonly from: MailSender | undefined
}

/** Without a mail server, an issuer on loopback writes mails to files, and any other sends none. */
export function mailSettings({ issuer, dataDir, smtpUrl, smtpPassword, from }: Given): MailSettings {
  if (smtpUrl !== undefined && from) return { delivery: 'smtp', url: smtpUrl, password: smtpPassword, from }
  if (!URL.canParse(issuer) || !isLoopbackHost(new URL(issuer).hostname)) return { delivery: 'none' }
  return {
    delivery: 'files',
    folder: join(dataDir, 'mail'),
    from: from ?? { name: undefined, address: 'signet@localhost' },
  }
}

/** What is wrong with the URL of a mail server, without repeating it; undefined if it is valid. */
export function smtpUrlFault(text: string): string | undefined {
  if (!URL.canParse(text)) return 'it is not a URL'
  const { protocol, hostname, username, password, pathname, search, hash } = new URL(text)
  if (protocol !== 'smtp:' && protocol !== 'smtps:') return 'it does not begin with smtp: or smtps:'
  if (hostname === '') return 'it has no host'
  if (password !== '' && username === '') return 'it has a password, but no user'
  if (!['', '/'].includes(pathname) || search !== '' || hash !== '') return 'it has more than user, host and port'
  return undefined
}

/** An address that every mail server accepts as a sender: ASCII, no comments, no quoted local part. */
const senderAddress = /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/

/** Parses `address` or `name <address>`; undefined if it is neither. */
export function parseSender(text: string): MailSender | undefined {
  const named = /^(?<name>[^<>]{1,100}?)\s*<(?<address>[^<>]+)>$/u.exec(text.trim())
  const name = named?.groups?.name?.replace(/^"(.*)"$/u, '$1').trim()
  const address = named?.groups?.address ?? text.trim()
  if (!senderAddress.test(address) || (name !== undefined && /\p{C}/u.test(name))) return undefined
  return { name: name || undefined, address }
}

/** The longest domain name (RFC 1035 §2.3.4), with room for one that is written in Unicode. */
const maxDomainLength = 255

/** Parses domain names separated by commas; undefined if one of them is not a domain name. The result is in lower case and Punycode. */
export function parseDomains(text: string): readonly string[] | undefined {
  const domains = domainsIn(text).map(({ domain }) => domain)
  return domains.includes(undefined) ? undefined : [...new Set(domains as string[])]
}

/** Says which of several domain names is none. */
export function domainsFault(text: string): string | undefined {
  const wrong = domainsIn(text).find(({ domain }) => domain === undefined)?.typed
  if (wrong === undefined) return undefined
  return wrong === '' ? 'a domain name is missing' : `${JSON.stringify(wrong.slice(0, 100))} is not a domain name`
}

function domainsIn(text: string) {
  return text.split(',').map((part) => {
    const typed = part.trim()
    const name = typed.replace(/^@/, '')
    return { typed, domain: name.length > maxDomainLength ? undefined : asciiMailDomain(name) }
  })
}
