import { randomUUID } from 'node:crypto'
import type { ConnectionOptions } from 'node:tls'
import type { MailSender, MailSettings } from '../config/mail-settings.ts'
import { isLoopbackHost } from '../network-address.ts'
import { MailFailure, mailFailure } from './mail-failure.ts'
import { writeMailFile } from './mail-file.ts'

/** What does not work if no mail can be sent, for operators. */
export const noMailWarning =
  'This installation sends no e-mail, so people can neither verify an e-mail address nor recover an account whose password they have forgotten, and ' +
  'the pages offer neither.'

export interface Message {
  /** An e-mail address in canonical form. */
  readonly to: string
  readonly subject: string
  readonly text: string
  readonly html: string
  /** What it is about, for the name of a file. */
  readonly kind: string
  /** The same for each attempt, so that a mail that arrives twice can be recognised. Default: random. */
  readonly id?: string
}

/** What happened to a mail that has left this installation. */
export interface Delivered {
  /** The file, if mails are written to files. */
  readonly file?: string
  /** The last answer of the mail server. */
  readonly answer?: string
}

export interface Transport {
  /**
   * Hands a mail to the mail server, or writes it to a file. The server's acceptance is all that is known; the mail may still not reach anybody.
   *
   * @param signal aborts it. Whether the server has accepted the mail may then be unknown
   * @throws MailFailure
   */
  deliver(message: Message, signal?: AbortSignal): Promise<Delivered>
  /**
   * Connects and authenticates, without sending anything. Does nothing if mails are written to files.
   *
   * @throws MailFailure
   */
  verify(): Promise<void>
}

/**
 * Milliseconds. `whole` limits a mail altogether, because a server that sends a byte now and then would never exceed the others. It must be much
 * less than the time after which a job counts as abandoned (sql/023.do.mail-and-recovery.sql).
 */
export interface MailLimits {
  readonly connect: number
  readonly greeting: number
  readonly silence: number
  readonly whole: number
}

const defaultLimits: MailLimits = { connect: 10_000, greeting: 15_000, silence: 30_000, whole: 90_000 }

/**
 * Opens the transport for the mails of this installation. Each mail gets its own connection: mails are rare, and a connection that was kept open may
 * be dead.
 *
 * @param senderName the sender's name if SIGNET_MAIL_FROM has none
 * @throws MailFailure if the settings name none
 */
export function openTransport(settings: MailSettings, senderName: string, limits = defaultLimits): Transport {
  if (settings.delivery === 'none')
    throw new MailFailure('unconfigured', false, 'SIGNET_SMTP_URL is not set, so this installation sends no e-mail')
  const from = { name: settings.from.name ?? senderName, address: settings.from.address }
  return settings.delivery === 'files'
    ? fileTransport(settings.folder, from)
    : smtpTransport(smtpOptions(settings.url, settings.password, limits), from, limits)
}

type Sender = Required<MailSender> & { readonly name: string }

function fileTransport(folder: string, from: Sender): Transport {
  return {
    verify: async () => {},
    deliver: async (message) => {
      const { createTransport } = await import('nodemailer')
      const transporter = createTransport({ streamTransport: true, buffer: true, newline: 'windows' })
      const sent = await transporter.sendMail(assembled(message, from))
      try {
        return { file: await writeMailFile(folder, message.kind, sent.message as Buffer) }
      } catch (error) {
        throw new MailFailure('storage', false, (error as Error).message, { cause: error })
      }
    },
  }
}

type SmtpOptions = Omit<ReturnType<typeof smtpOptions>, 'tls'> & { readonly tls: ConnectionOptions }

/** The transport for an SMTP server. Only tests call it directly. */
export function smtpTransport(options: SmtpOptions, from: Sender, limits: MailLimits): Transport {
  const open = async () => {
    const { createTransport } = await import('nodemailer')
    return createTransport(options)
  }
  return {
    verify: async () => {
      const transporter = await open()
      const late = new MailFailure('timeout', false, 'it did not finish in time')
      await withinTime(limits.whole, late, transporter.verify()).catch((error: unknown) => {
        throw mailFailure(error)
      })
    },
    deliver: async (message, signal) => {
      const transporter = await open()
      const timeout = AbortSignal.timeout(limits.whole)
      const content = assembled(message, from)
      try {
        const info = await transporter.sendMail({
          ...content,
          signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
        })
        return { answer: info.response }
      } catch (error) {
        throw mailFailure(error, message.to)
      }
    },
  }
}

/**
 * What nodemailer assembles a mail from. It can neither read files nor fetch anything. The envelope is given, so it parses no address.
 *
 * @throws MailFailure if the address cannot be used
 */
function assembled({ to, subject, text, html, id }: Message, from: Sender) {
  const address = checkedAddress(to)
  const [, domain = 'localhost'] = from.address.split('@')
  return {
    from,
    to: { name: '', address },
    envelope: { from: from.address, to: [address] },
    ...{ subject, text, html },
    messageId: `<${id ?? randomUUID()}@${domain}>`,
    headers: {
      // RFC 3834 §5: asks for no automatic answers, such as those of people on holiday.
      'Auto-Submitted': 'auto-generated',
      // The same for Exchange, which does not know the standard.
      'X-Auto-Response-Suppress': 'All',
    },
    disableFileAccess: true,
    disableUrlAccess: true,
  }
}

/**
 * What nodemailer needs to know about the server in SIGNET_SMTP_URL.
 *
 * A connection to this machine needs no encryption. If the server offers it, it is used, but its certificate is usually made by itself.
 */
export function smtpOptions(url: string, password: string | undefined, limits = defaultLimits) {
  const { protocol, hostname, port, username, password: passwordInUrl } = new URL(url)
  const secure = protocol === 'smtps:'
  const isLocal = isLoopbackHost(hostname)
  const auth = { user: decodeURIComponent(username), pass: password ?? decodeURIComponent(passwordInUrl) }
  return {
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: port === '' ? (secure ? 465 : 587) : Number(port),
    secure,
    requireTLS: !secure && !isLocal,
    opportunisticTLS: !secure && isLocal,
    tls: { rejectUnauthorized: !isLocal, minVersion: 'TLSv1.2' as const },
    // With forceAuth, a server that offers no authentication gets no mail, instead of one that was sent without it.
    ...(username === '' ? {} : { auth, forceAuth: true }),
    ...{ connectionTimeout: limits.connect, dnsTimeout: limits.connect },
    ...{ greetingTimeout: limits.greeting, socketTimeout: limits.silence },
    ...{ disableFileAccess: true, disableUrlAccess: true },
  }
}

/**
 * The second barrier against addresses that would end a command or a header: accounts have only addresses in canonical form.
 *
 * @throws MailFailure
 */
function checkedAddress(address: string): string {
  const part = '[^\\p{C}\\p{Z}<>()[\\]\\\\,;:"@]+'
  // RFC 5321 §4.5.3.1.3: a path has 256 octets with its angle brackets.
  if (new RegExp(`^${part}@${part}$`, 'u').test(address) && Buffer.byteLength(address) <= 254) return address
  throw new MailFailure('address', true, 'the address cannot be used in an e-mail')
}

async function withinTime<T>(milliseconds: number, late: Error, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late), milliseconds)
  })
  return Promise.race([work, limit]).finally(() => clearTimeout(timer))
}
