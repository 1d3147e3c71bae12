import t from 'tap'
import { createAllowedTargets, isAllowedEntry } from '../../../src/platform/outgoing/allowed-targets.ts'

const allows = (entries: string[], url: string, address: string) =>
  createAllowedTargets(entries).faultOf(new URL(url), address) === undefined

t.test('without entries, only port 443 of public addresses is open', async (t) => {
  t.ok(allows([], 'https://a.example', '8.8.8.8'))
  t.ok(allows([], 'https://a.example:443', '2606:4700::1111'))
  t.notOk(allows([], 'https://a.example:8443', '8.8.8.8'))
  t.notOk(allows([], 'https://a.example', '10.0.0.1'))
  t.notOk(allows([], 'https://a.example', 'fe80::1%eth0'))
  t.notOk(allows([], 'https://a.example', 'no address'))
})

t.test('the metadata services of clouds stay closed in an opened range and under an opened name', async (t) => {
  const wide = [
    '169.254.0.0/16',
    '100.64.0.0/10',
    '168.0.0.0/8',
    'fd00::/8',
    '64:ff9b:1::/48',
    'linklocal',
    'a.example',
  ]
  const services = ['169.254.169.254', '169.254.170.2', '100.100.100.200', '168.63.129.16', 'fd00:ec2::254']
  for (const address of [...services, '::ffff:169.254.169.254', '64:ff9b:1::169.254.169.254']) {
    t.notOk(allows(wide, 'https://a.example', address), address)
    t.ok(allows([address], 'https://a.example', address), `${address}, named singly`)
  }
  // The IPv6 form of an address that is named is the same address only if it is mapped.
  t.ok(allows(['169.254.169.254'], 'https://a.example', '::ffff:169.254.169.254'))
  t.notOk(allows(['169.254.169.254:8443'], 'https://a.example', '169.254.169.254'))
})

t.test('an entry opens what it names, and nothing else', async (t) => {
  const cases: [entry: string, url: string, address: string, isAllowed: boolean][] = [
    ['10.0.0.0/8', 'https://a.example:8443', '10.1.2.3', true],
    ['10.0.0.0/8', 'https://a.example', '11.0.0.1', true],
    ['10.0.0.0/8', 'https://a.example', '192.168.0.1', false],
    ['10.0.0.0/8', 'https://a.example:8443', '8.8.8.8', false],
    ['10.0.0.5', 'https://a.example:8443', '10.0.0.5', true],
    ['10.0.0.5', 'https://a.example', '10.0.0.6', false],
    ['10.0.0.5:8443', 'https://a.example:8443', '10.0.0.5', true],
    ['10.0.0.5:8443', 'https://a.example', '10.0.0.5', false],
    ['[fd00::1]:8443', 'https://a.example:8443', 'fd00::1', true],
    ['[fd00::1]:8443', 'https://a.example:8444', 'fd00::1', false],
    ['fd00::1', 'https://[fd00::1]:8444', 'fd00::1', true],
    ['fd00::/8', 'https://a.example', 'fd12::1', true],
    ['keys.internal', 'https://keys.internal:9443', '10.0.0.1', true],
    ['Keys.Internal:8443', 'https://keys.internal:8443', '10.0.0.1', true],
    ['keys.internal:8443', 'https://keys.internal', '10.0.0.1', false],
    ['keys.internal:443', 'https://keys.internal', '10.0.0.1', true],
    ['keys.internal', 'https://evil.keys.internal', '10.0.0.1', false],
    ['keys.internal', 'https://keys.internal.evil.example', '10.0.0.1', false],
    ['public.example:8443', 'https://public.example:8443', '8.8.8.8', true],
    ['localhost:8443', 'https://localhost:8443', '127.0.0.1', true],
    ['loopback', 'https://localhost:8443', '::1', true],
    ['::ffff:10.0.0.5', 'https://a.example', '10.0.0.5', true],
  ]
  for (const [entry, url, address, isAllowed] of cases)
    t.equal(allows([entry], url, address), isAllowed, `${entry}: ${url} at ${address}`)
})

t.test('malformed entries are refused', async (t) => {
  const malformed = [
    ...[
      '',
      '*',
      'true',
      'all',
      'off',
      'localhost',
      '*.internal',
      'https://a.example',
      'a.example/path',
      'a.example:',
      'a.example:0',
      'a.example:65536',
    ],
    ...[
      'a.example:08443',
      'a.example:https',
      '10.0.0.0/33',
      '10.0.0.0/0',
      '10.0.0.0/8:443',
      '10.1',
      '0x7f000001',
      '2130706433',
    ],
    ...[
      '127.0.0.01',
      '[::1',
      '::1]',
      '[a.example]:443',
      'fe80::1%eth0',
      '[fe80::1%eth0]:443',
      '-a.example',
      'a..example',
      'ä.example',
    ],
  ]
  for (const entry of malformed) t.notOk(isAllowedEntry(entry), entry)
  t.throws(() => createAllowedTargets(['*']), TypeError)
})

t.test('only names that the operator chose are looked up as the system does it', async (t) => {
  const allowed = createAllowedTargets(['10.0.0.0/8', 'keys.internal:8443'])
  t.ok(allowed.isNamed('keys.internal'))
  t.notOk(allowed.isNamed('other.internal'))
})
