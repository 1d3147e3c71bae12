import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { type ParsedMail, simpleParser } from 'mailparser'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import type { Test } from 'tap'
import { selfSigned } from '../cli/doctor/certificate.ts'

/** What the test server answers with. */
export interface Verdict {
  readonly code: number
  readonly text: string
}

export interface MailServer {
  readonly port: number
  /** The mails that the server has accepted, with their envelopes. */
  readonly mails: readonly ReceivedMail[]
  /** The connections that were opened, and what each proved. */
  readonly sessions: readonly { readonly secure: boolean; readonly user: string | undefined }[]
  /** The certificate, of the host mail.example.com. */
  readonly certificate: string
}

export interface ReceivedMail {
  readonly from: string
  readonly to: readonly string[]
  /** Whether it came over TLS. */
  readonly secure: boolean
  readonly user: string | undefined
  readonly raw: string
  readonly parsed: ParsedMail
}

export interface MailServerBehaviour {
  /** `starttls` is offered by default. */
  readonly tls?: 'starttls' | 'from the start' | 'none'
  /** Requires this user and password. */
  readonly account?: { readonly user: string; readonly password: string }
  /** Decides about a recipient; undefined accepts it. */
  readonly onRecipient?: (address: string) => Verdict | undefined
  /** Decides about a mail after its content has arrived; undefined accepts it. */
  readonly onMail?: (received: number) => Verdict | undefined
}

/** A real SMTP server on 127.0.0.1, stopped when `t` ends. */
export async function startMailServer(t: Test, behaviour: MailServerBehaviour = {}): Promise<MailServer> {
  const { tls = 'starttls', account, onRecipient, onMail } = behaviour
  const mails: ReceivedMail[] = []
  const sessions: { secure: boolean; user: string | undefined }[] = []
  let received = 0
  const { cert, key } = selfSigned({ name: 'mail.example.com' })
  const options: SMTPServerOptions = {
    ...{ cert, key, secure: tls === 'from the start', hideSTARTTLS: tls === 'none' },
    disabledCommands: [...(tls === 'none' ? ['STARTTLS'] : []), ...(account ? [] : ['AUTH'])],
    authOptional: account === undefined,
    // As most servers: no passwords without encryption, if there can be any.
    allowInsecureAuth: tls === 'none',
    closeTimeout: 100,
    onAuth: ({ username, password }, _session, done) => {
      if (username === account?.user && password === account?.password) return done(null, { user: username })
      done(refusal({ code: 535, text: '5.7.8 Authentication credentials invalid' }))
    },
    onRcptTo: ({ address }, _session, done) => {
      const verdict = onRecipient?.(address)
      done(verdict && refusal(verdict))
    },
    onData: (stream, session, done) => {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', async () => {
        received += 1
        const verdict = onMail?.(received)
        if (verdict) return done(refusal(verdict))
        const raw = Buffer.concat(chunks).toString('utf8')
        mails.push({
          from: session.envelope.mailFrom ? session.envelope.mailFrom.address : '',
          to: session.envelope.rcptTo.map(({ address }) => address),
          ...{ secure: session.secure, user: session.user === undefined ? undefined : String(session.user) },
          ...{ raw, parsed: await simpleParser(raw) },
        })
        done(null)
      })
    },
    onClose: ({ secure, user }) => {
      sessions.push({ secure, user: user === undefined ? undefined : String(user) })
    },
  }
  const server = new SMTPServer(options)
  // A client that hangs up during the handshake.
  server.on('error', () => {})
  server.listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  t.teardown(() => new Promise<void>((done) => server.close(() => done())))
  return { port: (server.server.address() as AddressInfo).port, mails, sessions, certificate: cert }
}

function refusal({ code, text }: Verdict): Error {
  return Object.assign(new Error(text), { responseCode: code })
}

/**
 * A server that speaks just enough SMTP to go wrong at a chosen moment.
 *
 * @param answer gets each line, and returns what to answer; undefined: nothing, `hang up`: closes the connection
 * @param greeting undefined: none
 */
export async function startBrokenMailServer(
  t: Test,
  answer: (line: string) => string | undefined,
  greeting: string | undefined = '220 mail.example.com',
): Promise<{ readonly port: number; readonly lines: readonly string[]; readonly opened: () => number }> {
  const lines: string[] = []
  const sockets = new Set<Socket>()
  let opened = 0
  const server = createServer((socket) => {
    opened += 1
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => {})
    if (greeting !== undefined) socket.write(`${greeting}\r\n`)
    let rest = ''
    socket.on('data', (chunk) => {
      const parts = `${rest}${chunk}`.split('\r\n')
      rest = parts.pop() ?? ''
      for (const line of parts) {
        lines.push(line)
        const said = answer(line)
        if (said === 'hang up') socket.destroy()
        else if (said !== undefined) socket.write(`${said}\r\n`)
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, lines, opened: () => opened }
}
