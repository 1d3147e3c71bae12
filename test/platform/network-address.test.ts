import fc from 'fast-check'
import ipaddr from 'ipaddr.js'
import t from 'tap'
import { canonicalAddress, isWithin, networkOfAddress, rangeTest } from '../../src/platform/network-address.ts'

t.test('spellings of an address that programs read differently are rejected', async (t) => {
  for (const text of [
    ...[
      '127.1',
      '0x7f.1',
      '0x7f.0.0.1',
      '0177.0.0.1',
      '010.0.0.1',
      '192.000.002.001',
      '2130706433',
      '1.2.3',
      '1.2.3.4.5',
    ],
    ...[
      '256.1.1.1',
      '1.2.3.4%eth0',
      '::ffff:01.2.3.4',
      '::ffff:0x7f.1',
      '::ffff:127.1',
      '1.2.3.4 ',
      ' 1.2.3.4',
      '1.2.3.4:80',
    ],
    ...[
      '',
      ':',
      ':::',
      '1::2::3',
      '12345::',
      '[::1]',
      '::1/64',
      'fe80::1%',
      'localhost',
      '１.2.3.4',
      '1。2。3。4',
      'unknown',
    ],
  ])
    t.equal(canonicalAddress(text), undefined, JSON.stringify(text))
})

t.test('all spellings of an address have the same canonical text', async (t) => {
  const spellings: Readonly<Record<string, readonly string[]>> = {
    '192.0.2.33': [
      '192.0.2.33',
      '::ffff:192.0.2.33',
      '::FFFF:c000:221',
      '0:0:0:0:0:ffff:192.0.2.33',
      '64:ff9b::192.0.2.33',
    ],
    '2001:db8::1': [
      '2001:db8::1',
      '2001:DB8::1',
      '2001:0db8:0000:0000:0000:0000:0000:0001',
      '2001:db8:0::0:1',
      '2001:db8::0.0.0.1',
    ],
    'fe80::1': ['fe80::1%eth0', 'FE80:0::1%2', 'fe80::1%en0.1'],
    // RFC 5952 §4.2: a single group of zeros is kept, and of equally long runs the first is shortened.
    '2001:db8:0:1:1:1:1:1': ['2001:db8::1:1:1:1:1'],
    '2001:db8::1:0:0:1': ['2001:db8:0:0:1:0:0:1', '2001:db8:0:0:1::1'],
    // Not IPv4: in RFC 4291 §2.5.5.1 it is a separate IPv6 address. ipaddr.js reads it as 127.0.0.1.
    '::7f00:1': ['::127.0.0.1'],
    // RFC 8215: the prefix length of a local translator cannot be known.
    '64:ff9b:1::102:304': ['64:ff9b:1::1.2.3.4'],
  }
  for (const [text, all] of Object.entries(spellings))
    for (const spelling of all) t.equal(canonicalAddress(spelling), text, spelling)
})

t.test('the canonical text of any address is its own canonical form', async () => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (address) => {
      const text = canonicalAddress(address)
      if (text === undefined || canonicalAddress(text) !== text) return false
      // Browsers write IPv6 as RFC 5952 does.
      return text.includes('.') || new URL(`http://[${text}]`).hostname === `[${text}]`
    }),
    { numRuns: 1_000 },
  )
})

t.test('no text makes it throw', async () => {
  const hostile = fc.string({ unit: fc.constantFrom(...'0123456789abcdefxF:.%[]"/ -'), maxLength: 45 })
  fc.assert(
    fc.property(fc.oneof(hostile, fc.string()), (text) => {
      const canonical = canonicalAddress(text)
      return canonical === undefined || canonicalAddress(canonical) === canonical
    }),
    { numRuns: 5_000 },
  )
})

t.test('only addresses in a range of SIGNET_TRUST_PROXY are trusted', async (t) => {
  t.ok(isWithin('127.8.8.8', ['loopback']))
  t.ok(isWithin('fd00::1', ['10.0.0.1', 'uniquelocal']))
  t.ok(isWithin('::ffff:10.1.2.3', ['10.0.0.0/8']))
  t.ok(isWithin('10.1.2.3', ['::ffff:10.0.0.0/104']))
  t.ok(isWithin('fe80::1%eth0', ['linklocal']))
  t.ok(isWithin('2001:DB8::1', ['2001:db8::1']))
  t.notOk(isWithin('10.0.0.2', ['10.0.0.1']))
  t.notOk(isWithin('9.255.255.255', ['::ffff:10.0.0.0/104']))
  t.notOk(isWithin('nobody', ['0.0.0.0/1']))
  t.notOk(isWithin('::1.2.3.4', ['0.0.0.0/1']), 'an IPv6 address is in no IPv4 range')
  t.notOk(isWithin('::127.0.0.1', ['loopback']))
  t.notOk(isWithin('0x7f.1', ['loopback']))
  t.notOk(isWithin('64:ff9b::10.0.0.1', ['10.0.0.0/8']), 'RFC 6052 §3.1: never for private addresses')
  t.notOk(rangeTest([])('127.0.0.1'))
  for (const text of ['0.0.0.0/0', '10.0.0.0/8/8', 'proxy.example']) t.throws(() => rangeTest([text]), TypeError, text)
})

t.test('ranges and networks equal those that ipaddr.js computes', async () => {
  const subject = fc.oneof(
    fc.record({ address: fc.ipV4(), base: fc.ipV4(), bits: fc.integer({ min: 1, max: 32 }) }),
    fc.record({ address: fc.ipV6(), base: fc.ipV6(), bits: fc.integer({ min: 1, max: 128 }) }),
  )
  fc.assert(
    fc.property(subject, fc.boolean(), ({ address: text, base, bits }, isNear) => {
      const [address, network] = [canonicalAddress(text) ?? '', canonicalAddress(base) ?? '']
      if (address.includes(':') !== network.includes(':') || (!address.includes(':') && bits > 32)) return true
      const cidr = `${isNear ? address : network}/${bits}`
      // Half of the candidates have changed last bits, so that they are within the range.
      const candidate = isNear ? address.replace(/[0-9a-f]$/, '1') : address
      if (isWithin(candidate, [cidr]) !== ipaddr.parse(candidate).match(ipaddr.parseCIDR(cidr) as never)) return false
      const prefix = () => canonicalAddress(ipaddr.IPv6.networkAddressFromCIDR(`${address}/${bits}`).toString())
      return !address.includes(':') || networkOfAddress(address, bits) === `${prefix()}/${bits}`
    }),
    { numRuns: 3_000 },
  )
})

t.test('an IPv6 address is reduced to its network; IPv4 and `unknown` are kept', async (t) => {
  t.equal(networkOfAddress('2001:db8:1:2::3', 48), '2001:db8:1::/48')
  t.equal(networkOfAddress('2001:db8:1:ffff::', 48), '2001:db8:1::/48')
  t.equal(networkOfAddress('2001:db8:1:12ff::', 56), '2001:db8:1:1200::/56')
  t.equal(networkOfAddress('192.0.2.1', 48), '192.0.2.1')
  t.equal(networkOfAddress('unknown', 48), 'unknown')
})
