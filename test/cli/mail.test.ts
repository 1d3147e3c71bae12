import { readFileSync } from 'node:fs'
import t from 'tap'
import { freePort } from '../support/free-port.ts'
import { startBrokenMailServer, startMailServer } from '../support/mail-server.ts'
import { answer, emptyFolder } from './console.ts'

const public_ = { SIGNET_ISSUER: 'https://id.example.com', SIGNET_LOG_LEVEL: 'silent' }
const server = (port: number, user = '') => ({
  SIGNET_SMTP_URL: `smtp://${user}127.0.0.1:${port}`,
  SIGNET_MAIL_FROM: 'Example <id@example.com>',
})
const test = (environment: Record<string, string>, ...args: string[]) =>
  answer(['mail', 'test', ...args], { environment: { ...public_, ...environment }, folder: emptyFolder(t) })
const doctor = async (environment: Record<string, string>) => {
  const { out } = await answer(['doctor', '--json', '--url', `http://127.0.0.1:${await freePort()}`], {
    environment: { ...public_, ...environment },
    folder: emptyFolder(t),
  })
  return (JSON.parse(out) as { findings: { check: string }[] }).findings.find(({ check }) => check === 'mail')
}

t.test('without a mail server, a public issuer is told what to set, and what does not work', async (t) => {
  const { code, out, err } = await test({}, 'you@example.com')
  t.same({ code, out }, { code: 1, out: '' })
  t.match(
    err,
    /^signet: The e-mail was not sent.*SIGNET_SMTP_URL is not set.*Set SIGNET_SMTP_URL .* and SIGNET_MAIL_FROM\.\n$/,
  )
  t.match(await doctor({}), { status: 'warning', finding: /neither verify an e-mail address nor recover/ })
})

t.test('what is not an address is wrong usage', async (t) => {
  for (const address of ['you', 'you@example.com\nBcc: me@example.com', 'you@example.com,me@example.com'])
    t.match(await test({}, address), { code: 2, out: '', err: /not an e-mail address/ }, encodeURI(address))
})

t.test('the answer of the mail server is printed', async (t) => {
  const { port, mails } = await startMailServer(t)
  const { code, out, err } = await test(server(port), 'you@example.com', '--json')
  t.same({ code, err }, { code: 0, err: '' })
  t.match(JSON.parse(out), { to: 'you@example.com', via: `127.0.0.1:${port}`, answer: /^250 / })
  t.match((await test(server(port), 'you@example.com', '--locale', 'de')).out, /has accepted the e-mail/)
  t.same(
    mails.map(({ to }) => to),
    [['you@example.com'], ['you@example.com']],
  )
  t.match(await doctor(server(port)), { status: 'good', finding: /signet mail test/ })
  t.match(await doctor({ ...server(port), SIGNET_MAIL_FROM: 'id@signet.invalid' }), { status: 'warning' })
})

t.test('what is wrong is explained, without the password', async (t) => {
  const account = { user: 'signet', password: 'right' }
  const { port } = await startMailServer(t, {
    account,
    onRecipient: () => ({ code: 550, text: '5.7.1 you may not send to someone@example.com' }),
  })
  const closed = await freePort()
  const broken = await startBrokenMailServer(t, () => undefined, '554 5.7.1 no service')
  const cases: [environment: Record<string, string>, message: RegExp][] = [
    [server(closed), /ECONNREFUSED.*Check host and port in SIGNET_SMTP_URL/],
    [server(port, 'signet:wrong-one@'), /535 5\.7\.8.*Check the user in SIGNET_SMTP_URL/],
    [{ ...server(port, 'signet@'), SIGNET_SMTP_PASSWORD: 'right' }, /550 5\.7\.1 you may not send.*Check the address/],
    [server(broken.port), /554 5\.7\.1 no service/],
  ]
  for (const [environment, message] of cases) {
    const { code, out, err } = await test(environment, 'someone@example.com')
    t.same({ code, out }, { code: 1, out: '' })
    t.match(err, message)
    t.equal(err.split('\n').length, 2, 'in one line')
    t.notMatch(err, /wrong-one|d3Jvbmct/)
  }
  t.match(await doctor(server(closed)), { status: 'bad', finding: /cannot be used: .*ECONNREFUSED/ })
  t.match(await doctor(server(port, 'signet:wrong-one@')), { status: 'bad', finding: /535/ })
})

t.test('an issuer on this machine writes the mail to a file, and prints its path', async (t) => {
  const local = { SIGNET_ISSUER: 'http://localhost:4000' }
  const { code, out } = await test(local, 'you@example.com', '--json')
  t.equal(code, 0)
  t.match(readFileSync(JSON.parse(out).file, 'utf8'), /^To: you@example\.com\r$/m)
  t.match((await test(local, 'you@example.com')).out, /written to files/)
  t.match(await doctor(local), { status: 'good', finding: /written to files/ })
})
