import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { simpleParser } from 'mailparser'
import t, { type Test } from 'tap'
import { MailFailure } from '../../../src/platform/mail/mail-failure.ts'
import { type Message, openTransport, smtpOptions, smtpTransport } from '../../../src/platform/mail/transport.ts'
import { freePort } from '../../support/free-port.ts'
import { type MailServer, startBrokenMailServer, startMailServer } from '../../support/mail-server.ts'

const from = { name: 'Example', address: 'id@example.com' }
const limits = { connect: 60_000, greeting: 60_000, silence: 60_000, whole: 60_000 }
const message: Message = {
  to: 'maria@example.com',
  kind: 'recovery',
  subject: 'A new password',
  text: 'Follow this link: https://id.example.com/recover/password?token=abc\n',
  html: '<p>Follow <a href="https://id.example.com/recover/password?token=abc">this link</a></p>',
}

/** The transport for a server on this machine. */
function localTransport(port: number, url = 'smtp://127.0.0.1', password?: string) {
  const withPort = new URL(url)
  withPort.port = String(port)
  return openTransport({ delivery: 'smtp', url: withPort.href, password, from }, 'Signet', limits)
}

/**
 * The transport for mail.example.com, except that this host is on this machine.
 *
 * @param ca undefined: the certificate is unknown
 */
function remoteTransport({ port }: Pick<MailServer, 'port'>, url: string, ca?: string, password?: string) {
  const options = smtpOptions(url, password, limits)
  const here = { host: '127.0.0.1', port, servername: 'mail.example.com' }
  return smtpTransport({ ...options, ...here, tls: { ...options.tls, ...(ca && { ca }) } }, from, limits)
}

async function failureOf(work: Promise<unknown>): Promise<MailFailure> {
  const error = await work.then(
    () => undefined,
    (error: unknown) => error,
  )
  if (error instanceof MailFailure) return error
  throw new Error('It did not fail as expected.', { cause: error })
}

t.test('a mail to another machine', async (t) => {
  t.test('is not sent if the server offers no encryption', async (t) => {
    const server = await startMailServer(t, { tls: 'none' })
    const { fault, isPermanent } = await failureOf(remoteTransport(server, 'smtp://mail.example.com').deliver(message))
    t.same({ fault, isPermanent, mails: server.mails }, { fault: 'tls', isPermanent: false, mails: [] })
  })

  t.test('is not sent, and no password either, if the certificate is unknown or of another host', async (t) => {
    const account = { user: 'signet', password: 'very secret' }
    for (const tls of ['starttls', 'from the start'] as const) {
      const server = await startMailServer(t, { tls, account })
      const url = `${tls === 'starttls' ? 'smtp' : 'smtps'}://signet@mail.example.com`
      const unknown = await failureOf(remoteTransport(server, url, undefined, 'very secret').deliver(message))
      t.equal(unknown.fault, 'tls', unknown.message)
      const options = smtpOptions(url.replace('mail.', 'other.'), 'very secret', limits)
      const other = smtpTransport(
        {
          ...options,
          ...{ host: '127.0.0.1', port: server.port, servername: 'other.example.com' },
          tls: { ...options.tls, ca: server.certificate },
        },
        from,
        limits,
      )
      const { fault, message: why } = await failureOf(other.deliver(message))
      t.equal(fault, 'tls', why)
      t.same(server.mails, [])
      t.notOk(server.sessions.some(({ user }) => user !== undefined))
    }
  })

  t.test('is sent over TLS with STARTTLS, and with TLS from the start', async (t) => {
    for (const tls of ['starttls', 'from the start'] as const) {
      const server = await startMailServer(t, { tls })
      const url = `${tls === 'starttls' ? 'smtp' : 'smtps'}://mail.example.com`
      t.match(await remoteTransport(server, url, server.certificate).deliver(message), { answer: /^250 / })
      t.match(server.mails, [{ secure: true, from: 'id@example.com', to: ['maria@example.com'] }])
    }
  })
})

t.test('a server on this machine needs no encryption, and may have any certificate', async (t) => {
  for (const [tls, secure] of [
    ['none', false],
    ['starttls', true],
    ['from the start', true],
  ] as const) {
    const server = await startMailServer(t, { tls })
    await localTransport(server.port, tls === 'from the start' ? 'smtps://localhost' : 'smtp://localhost').deliver(
      message,
    )
    t.equal(server.mails[0]?.secure, secure, tls)
  }
})

t.test('a mail says what it is, and nothing about the software that sent it', async (t) => {
  const server = await startMailServer(t)
  await localTransport(server.port).deliver({ ...message, subject: 'Ein neues Kennwort für Grüße ✓', id: 'the-id' })
  const [{ parsed, raw } = { parsed: undefined, raw: '' }] = server.mails
  t.match(parsed, {
    subject: 'Ein neues Kennwort für Grüße ✓',
    messageId: '<the-id@example.com>',
    from: { value: [{ name: 'Example', address: 'id@example.com' }] },
    to: { value: [{ address: 'maria@example.com' }] },
    text: message.text,
    html: message.html,
  })
  t.equal(parsed?.headers.get('auto-submitted'), 'auto-generated')
  t.ok(Math.abs((parsed?.date?.getTime() ?? 0) - Date.now()) < 3_600_000)
  t.notMatch(raw, /nodemailer/i)
})

t.test('user and password', async (t) => {
  const account = { user: 'signet@example.com', password: 'p@ss/wörd' }

  t.test('come from the URL or from the setting of their own, which wins', async (t) => {
    const server = await startMailServer(t, { account })
    const user = encodeURIComponent(account.user)
    const inUrl = `smtp://${user}:${encodeURIComponent(account.password)}@127.0.0.1`
    await localTransport(server.port, inUrl).deliver(message)
    await localTransport(server.port, `smtp://${user}@127.0.0.1`, account.password).deliver(message)
    await localTransport(server.port, `smtp://${user}:old@127.0.0.1`, account.password).deliver(message)
    t.same(
      server.mails.map(({ user }) => user),
      [account.user, account.user, account.user],
    )
  })

  t.test('that are wrong are not a permanent failure, and are in no message', async (t) => {
    const server = await startMailServer(t, { account })
    const transport = localTransport(server.port, 'smtp://signet%40example.com:Tr0ub4dor@127.0.0.1')
    for (const failure of [await failureOf(transport.deliver(message)), await failureOf(transport.verify())]) {
      t.match(failure, { fault: 'credentials', isPermanent: false, message: /535 5\.7\.8/ })
      t.notMatch(`${failure.message}${failure.stack}`, /Tr0ub4dor|VHIwdWI0ZG9y/)
    }
    t.same(server.mails, [])
  })

  t.test('are not left out if the server does not ask for them', async (t) => {
    const server = await startMailServer(t)
    t.match(await failureOf(localTransport(server.port, 'smtp://signet:secret@127.0.0.1').deliver(message)), {
      fault: 'credentials',
    })
    t.same(server.mails, [])
  })

  t.test('are required by a server that does not get any', async (t) => {
    const server = await startMailServer(t, { account })
    t.match(await failureOf(localTransport(server.port).deliver(message)), { fault: 'credentials', isPermanent: false })
  })
})

t.test('the server decides', async (t) => {
  t.test('a recipient that it refuses for now is tried again, one that it refuses for good is not', async (t) => {
    let code = 450
    const server = await startMailServer(t, {
      onRecipient: () => ({ code, text: `${code === 450 ? '4.2.1' : '5.1.1'} <Maria@Example.com>: mailbox of MARIA` }),
    })
    const later = await failureOf(localTransport(server.port).deliver(message))
    t.match(later, { fault: 'deferred', isPermanent: false, message: /450 4\.2\.1/ })
    code = 550
    const never = await failureOf(localTransport(server.port).deliver(message))
    t.match(never, { fault: 'address', isPermanent: true, message: /550 5\.1\.1/ })
    for (const failure of [later, never]) t.notMatch(failure.message, /maria/i, 'the recipient is not in the message')
  })

  t.test('a mail that it refuses for now is tried again, one that it refuses for good is not', async (t) => {
    let code = 451
    const server = await startMailServer(t, { onMail: () => ({ code, text: 'no' }) })
    t.match(await failureOf(localTransport(server.port).deliver(message)), { fault: 'deferred', isPermanent: false })
    code = 554
    t.match(await failureOf(localTransport(server.port).deliver(message)), { fault: 'rejected', isPermanent: true })
  })

  t.test('a server that refuses the connection has said nothing about the mail', async (t) => {
    const server = await startBrokenMailServer(t, () => undefined, '554 no mail from you')
    t.match(await failureOf(localTransport(server.port).deliver(message)), { fault: 'unreachable', isPermanent: false })
  })
})

t.test('a server that does not work', async (t) => {
  t.test('nothing listens there', async (t) => {
    t.match(await failureOf(localTransport(await freePort()).deliver(message)), {
      ...{ fault: 'unreachable', isPermanent: false, message: /ECONNREFUSED/ },
    })
  })

  t.test('it accepts the connection and says nothing', async (t) => {
    for (const limit of ['connect', 'greeting', 'whole'] as const) {
      const server = await startBrokenMailServer(t, () => undefined, '')
      const settings = { delivery: 'smtp', url: `smtp://127.0.0.1:${server.port}`, password: undefined, from } as const
      const transport = openTransport(settings, 'Signet', { ...limits, [limit]: 50 })
      t.match(await failureOf(transport.deliver(message)), { fault: 'timeout', isPermanent: false }, limit)
      if (limit === 'whole') t.match(await failureOf(transport.verify()), { fault: 'timeout' })
    }
  })

  t.test('it hangs in the middle of a mail', async (t) => {
    const server = await startBrokenMailServer(
      t,
      untilData(() => undefined),
    )
    const settings = { delivery: 'smtp', url: `smtp://127.0.0.1:${server.port}`, password: undefined, from } as const
    for (const limit of ['silence', 'whole'] as const) {
      const transport = openTransport(settings, 'Signet', { ...limits, [limit]: 50 })
      t.match(await failureOf(transport.deliver(message)), { fault: 'timeout', isPermanent: false }, limit)
    }
  })

  t.test('it closes the connection in the middle of a mail, and before it has confirmed it', async (t) => {
    for (const end of [/^DATA$/, /^\.$/]) {
      const server = await startBrokenMailServer(
        t,
        untilData((line) => (end.test(line) ? 'hang up' : line === 'DATA' ? '354 go on' : undefined)),
      )
      t.match(await failureOf(localTransport(server.port).deliver(message)), {
        ...{ fault: 'unreachable', isPermanent: false },
      })
      t.ok(server.lines.some((line) => end.test(line)))
    }
  })

  t.test('it speaks another protocol, or expects TLS from the start', async (t) => {
    const http = await startBrokenMailServer(t, () => undefined, 'HTTP/1.1 400 Bad Request')
    t.match(await failureOf(localTransport(http.port).deliver(message)), { fault: 'unreachable', isPermanent: false })
    const plain = await startMailServer(t, { tls: 'none' })
    t.match(await failureOf(localTransport(plain.port, 'smtps://127.0.0.1').deliver(message)), {
      fault: 'tls',
      message: /^it did not answer with TLS \(wrong version number\)$/,
    })
  })

  t.test('an attempt can be aborted', async (t) => {
    const stop = new AbortController()
    const server = await startBrokenMailServer(
      t,
      untilData(() => {
        stop.abort()
        return undefined
      }),
    )
    t.match(await failureOf(localTransport(server.port).deliver(message, stop.signal)), { isPermanent: false })
  })
})

/** Accepts everything up to the content of a mail, and leaves the rest to `rest`. */
function untilData(rest: (line: string) => string | undefined): (line: string) => string | undefined {
  return (line) => {
    if (/^EHLO/.test(line)) return '250 mail.example.com'
    if (/^(?:MAIL|RCPT)/.test(line)) return '250 ok'
    return rest(line)
  }
}

t.test('nothing that somebody typed reaches a command or a header', async (t) => {
  const server = await startMailServer(t)
  const transport = localTransport(server.port)
  for (const to of [
    'maria@example.com\r\nRCPT TO:<victim@example.com>',
    'maria@example.com\nBcc: victim@example.com',
    'maria@example.com, victim@example.com',
    'maria@example.com> SIZE=1',
    '<maria@example.com>',
    'Maria <maria@example.com>',
    'maria@example.com\u0000',
    'maria@example.com\u2028x',
    `${'a'.repeat(250)}@example.com`,
    'group:maria@example.com;',
    '"maria victim"@example.com',
    'maria',
    '',
  ]) {
    const failure = await failureOf(transport.deliver({ ...message, to }))
    t.match(failure, { fault: 'address', isPermanent: true }, encodeURI(to))
    t.notMatch(failure.message, /maria|victim/)
  }
  t.same(server.sessions, [], 'the server is not asked')
  await transport.deliver({
    ...message,
    subject: 'Hello\r\nBcc: victim@example.com\r\n\r\nAn advertisement',
    text: 'One line\r\n.\r\nMAIL FROM:<victim@example.com>\r\n',
  })
  const [{ to, parsed } = { to: [], parsed: undefined }] = server.mails
  t.same(to, ['maria@example.com'])
  t.equal(parsed?.bcc, undefined)
  t.match(parsed?.text, /^One line\n\.\nMAIL FROM/)
})

t.test('an international address and sender are sent as they are', async (t) => {
  const server = await startMailServer(t)
  await localTransport(server.port).deliver({ ...message, to: 'grüße@xn--bcher-kva.example' })
  // The test server converts the domain to Unicode.
  t.same(server.mails[0]?.to, ['grüße@bücher.example'])
})

t.test('mails in files', async (t) => {
  const open = (t: Test) => {
    const folder = mkdtempSync(join(tmpdir(), 'signet-mail-'))
    t.teardown(() => rmSync(folder, { recursive: true, force: true }))
    const settings = { delivery: 'files', folder: join(folder, 'data/mail'), from } as const
    return { folder: settings.folder, transport: openTransport(settings, 'Signet') }
  }

  t.test('each becomes a file that only its owner can read', async (t) => {
    const { folder, transport } = open(t)
    await transport.verify()
    t.notOk(existsSync(folder))
    const { file = '' } = await transport.deliver(message)
    const { file: second } = await transport.deliver(message)
    t.same(
      readdirSync(folder).map((name) => join(folder, name)),
      [file, second],
      'they are sorted by time, and there are no other files',
    )
    t.match(file, /Z-recovery-[0-9a-f]{8}\.eml$/)
    t.equal(statSync(file).mode & 0o777, 0o600)
    t.equal(statSync(folder).mode & 0o777, 0o700)
    t.match(await simpleParser(readFileSync(file)), { subject: message.subject, text: message.text })
  })

  t.test('a folder that cannot be written is a failure that is tried again', async (t) => {
    const { transport } = open(t)
    const { file = '' } = await transport.deliver(message)
    const inFile = openTransport({ delivery: 'files', folder: join(file, 'mail'), from }, 'Signet')
    t.match(await failureOf(inFile.deliver(message)), { fault: 'storage', isPermanent: false })
  })
})

t.test('without a way to send mails there is no transport', async (t) => {
  t.match(await failureOf((async () => openTransport({ delivery: 'none' }, 'Signet'))()), {
    ...{ fault: 'unconfigured', isPermanent: false },
  })
})
