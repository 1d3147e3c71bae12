import type { MailSender, MailSettings } from '../config/mail-settings.ts'
import { isLoopbackHost } from '../network-address.ts'
import { asMailFailure, MailFailure } from './mail-failure.ts'
import { writeMailFile } from './mail-file.ts'

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
 * Milliseconds. A mail takes at most `whole`. A server that answers one byte now and then would never exceed the others. The sum must be far
 * below the time after which a job is considered to be abandoned (`unlockStaleJobs`).
 */
const limits = { connect: 10_000, greeting: 15_000, silence: 30_000, whole: 90_000 }

/**
 * How mails leave this installation. Each mail is sent over a connection of its own: mails are rare, and a connection that is kept open may be dead.
 *
 * @param settings SIGNET_SMTP_URL and SIGNET_MAIL_FROM, not `none`
 * @param brandName the sender's name if the settings have none
 * @throws TypeError if the settings are `none`
 */
export function openTransport(settings: MailSettings, brandName: string): Transport {
  if (settings.delivery === 'none') throw new TypeError('This installation sends no mails.')
  const from: MailSender = { address: settings.from.address, name: settings.from.name ?? brandName }
  const [, domain = 'localhost'] = from.address.split('@')

  /** The parts of a mail that nodemailer assembles. */
  const assembled = ({ to, subject, text, html, id }: Message) => ({
    from: { name: from.name ?? '', address: from.address },
    to: { name: '', address: checkedAddress(to) },
    // An envelope of our own: nodemailer parses no address.
    envelope: { from: from.address, to: [checkedAddress(to)] },
    ...{ subject, text, html },
    ...(id === undefined ? {} : { messageId: `<${id}@${domain}>` }),
    // RFC 3834 §5: no automatic answers, such as those of people on holiday.
    headers: { 'Auto-Submitted': 'auto-generated' },
    disableFileAccess: true,
    disableUrlAccess: true,
  })

  if (settings.delivery === 'files')
    return {
      verify: async () => {},
      deliver: async (message) => {
        const { createTransport } = await import('nodemailer')
        const { message: content } = await createTransport({
          streamTransport: true,
          buffer: true,
          newline: 'windows',
        }).sendMail(assembled(message))
        return { file: await writeMailFile(settings.folder, message.kind, content as Buffer) }
      },
    }

  const open = async () => {
    const { createTransport } = await import('nodemailer')
    return createTransport(smtpOptions(settings.url, settings.password))
  }
  return {
    verify: async () => {
      const transporter = await open()
      await withinLimit(() => transporter.verify()).catch(asMailFailure)
    },
    deliver: async (message, signal) => {
      const transporter = await open()
      const timeout = AbortSignal.timeout(limits.whole)
      const info = await transporter
        .sendMail({ ...assembled(message), signal: signal ? AbortSignal.any([signal, timeout]) : timeout })
        .catch(asMailFailure)
      return { answer: info.response }
    },
  }
}

/** What nodemailer needs to know about the server. */
export function smtpOptions(url: string, password: string | undefined) {
  const { protocol, hostname, port, username, password: passwordInUrl } = new URL(url)
  const secure = protocol === 'smtps:'
  const host = hostname.replace(/^\[(.*)\]$/, '$1')
  // Traffic to this machine needs no encryption. If its server offers some, its certificate is one that it made itself.
  const isLocal = isLoopbackHost(hostname)
  return {
    host,
    port: port === '' ? (secure ? 465 : 587) : Number(port),
    secure,
    requireTLS: !secure && !isLocal,
    opportunisticTLS: !secure && isLocal,
    tls: { rejectUnauthorized: !isLocal, minVersion: 'TLSv1.2' as const },
    ...(username === ''
      ? {}
      : {
          auth: { user: decodeURIComponent(username), pass: password ?? decodeURIComponent(passwordInUrl) },
          // A server that offers no authentication must not get the mail without one.
          forceAuth: true,
        }),
    connectionTimeout: limits.connect,
    dnsTimeout: limits.connect,
    greetingTimeout: limits.greeting,
    socketTimeout: limits.silence,
    disableFileAccess: true,
    disableUrlAccess: true,
  }
}

async function withinLimit<T>(work: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  try {
    return await Promise.race([
      work(),
      new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new MailFailure('timeout', false, 'it did not finish in time')), limits.whole)
      }),
    ])
  } finally {
    clearTimeout(timer)
  }
}

/**
 * An address that goes into a command and a header as it is. Accounts have only addresses in canonical form, so this is the second barrier.
 *
 * @throws MailFailure
 */
function checkedAddress(address: string): string {
  // RFC 5321 §4.5.3.1.3: 254 octets fit into a path.
  if (/^[^\p{C}\p{Z}<>()[\]\\,;:"@]+@[^\p{C}\p{Z}<>()[\]\\,;:"@]+$/u.test(address) && Buffer.byteLength(address) <= 254)
    return address
  throw new MailFailure('address', true, 'the address cannot be used in a mail')
}
