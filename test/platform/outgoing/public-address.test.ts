import fc from 'fast-check'
import ipaddr from 'ipaddr.js'
import t from 'tap'
import { isGloballyReachable, isMetadataService, parseTarget } from '../../../src/platform/outgoing/public-address.ts'

const isOpen = (text: string) => {
  const address = parseTarget(text)
  return address !== undefined && isGloballyReachable(address)
}

/** The first and the last address of each range that is not one host on the internet. */
const special = {
  'this network': ['0.0.0.0', '0.255.255.255'],
  private: ['10.0.0.0', '10.255.255.255', '172.16.0.0', '172.31.255.255', '192.168.0.0', '192.168.255.255'],
  'shared address space': ['100.64.0.0', '100.127.255.255'],
  loopback: ['127.0.0.0', '127.0.0.1', '127.255.255.255', '::1'],
  'link-local': ['169.254.0.0', '169.254.169.254', '169.254.255.255', 'fe80::', 'fe80::1', 'febf:ffff::'],
  'protocol assignments': ['192.0.0.0', '192.0.0.9', '192.0.0.10', '192.0.0.170', '192.0.0.255'],
  documentation: [
    '192.0.2.1',
    '198.51.100.1',
    '203.0.113.255',
    '2001:db8::',
    '2001:db8:ffff::1',
    '3fff::',
    '3fff:fff::',
  ],
  '6to4 relays': ['192.88.99.1'],
  AS112: ['192.31.196.1', '192.175.48.1', '2620:4f:8000::1'],
  benchmarking: ['198.18.0.0', '198.19.255.255', '2001:2::1'],
  multicast: ['224.0.0.0', '239.255.255.255', 'ff00::', 'ff02::1', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  reserved: ['240.0.0.0', '255.255.255.254', '255.255.255.255'],
  unspecified: ['::'],
  'IPv4-mapped': ['::ffff:127.0.0.1', '::ffff:7f00:1', '0:0:0:0:0:ffff:10.0.0.1', '::ffff:169.254.169.254'],
  'IPv4-compatible': ['::127.0.0.1', '::10.0.0.1', '::8.8.8.8'],
  'IPv4-translated': ['::ffff:0:127.0.0.1', '::ffff:0:8.8.8.8'],
  NAT64: [
    '64:ff9b::127.0.0.1',
    '64:ff9b::10.0.0.1',
    '64:ff9b::a9fe:a9fe',
    '64:ff9b::',
    '64:ff9b:1::8.8.8.8',
    '64:ff9b:1::1',
  ],
  'discard-only': ['100::', '100::ffff', '100:0:0:1::1'],
  Teredo: ['2001::', '2001:0:4136:e378:8000:63bf:3fff:fdd2'],
  ORCHID: ['2001:10::', '2001:20::1', '2001:2f:ffff::', '2001:30::1', '2001:1ff:ffff::'],
  '6to4': ['2002::', '2002:7f00:1::1', '2002:a00:1::', '2002:808:808::1'],
  'segment routing': ['5f00::', '5f00::1'],
  'unique local': ['fc00::', 'fd00::1', 'fd00:ec2::254', 'fdff:ffff::'],
  'site-local': ['fec0::', 'feff:ffff::1'],
  unallocated: ['1::1', '200::1', '1fff:ffff::', '4000::', '8000::1', 'e000::1', 'fbff::1'],
  'with a zone': ['fe80::1%eth0', 'fe80::1%1', '2606:4700::1111%lo', '::1%lo'],
  'not an address': [
    '',
    '127.1',
    '0x7f.1',
    '017700000001',
    '2130706433',
    '127.0.0.01',
    '1.1.1.1.',
    '[::1]',
    '1.1.1.1/8',
    'localhost',
  ],
}

for (const [range, addresses] of Object.entries(special))
  t.test(`nothing connects to an address that is ${range}`, async (t) => {
    for (const address of addresses) t.notOk(isOpen(address), address)
  })

t.test('addresses beside the special ranges can be reached', async (t) => {
  const addresses = [
    ...[
      '1.1.1.1',
      '8.8.8.8',
      '9.255.255.255',
      '11.0.0.0',
      '100.63.255.255',
      '100.128.0.0',
      '126.255.255.255',
      '128.0.0.0',
    ],
    ...['169.253.255.255', '169.255.0.0', '172.15.255.255', '172.32.0.0', '192.0.1.0', '192.0.3.0', '192.88.98.255'],
    ...[
      '192.88.100.0',
      '192.167.255.255',
      '192.169.0.0',
      '198.17.255.255',
      '198.20.0.0',
      '198.51.99.255',
      '203.0.112.255',
    ],
    ...['203.0.114.0', '223.255.255.255', '::ffff:8.8.8.8', '64:ff9b::8.8.8.8', '2001:200::1', '2001:4860:4860::8888'],
    ...[
      '2001:db7:ffff::',
      '2001:db9::',
      '2003::1',
      '2606:4700:4700::1111',
      '2620:4f:8001::1',
      '3ffe:ffff::1',
      '3fff:1000::1',
    ],
  ]
  for (const address of addresses) t.ok(isOpen(address), address)
})

t.test('every address that can be reached is unicast for ipaddr.js as well', async () => {
  const groups = fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 8, maxLength: 8 })
  // Any address, and any that begins as a special range does.
  const prefixes = Object.values(special)
    .flat()
    .filter((text) => parseTarget(text)?.includes(':'))
    .map((text) => ipaddr.IPv6.parse(text).parts)
  const ipv6 = fc
    .tuple(groups, fc.constantFrom(...prefixes), fc.integer({ min: 0, max: 8 }))
    .map(([any, prefix, length]) =>
      [...prefix.slice(0, length), ...any.slice(length)].map((group) => group.toString(16)).join(':'),
    )
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), ipv6), (text) => {
      if (!isOpen(text)) return true
      const address = ipaddr.process(text)
      const range = address.range()
      if (range !== 'rfc6052') return range === 'unicast'
      const inner = ipaddr.fromByteArray(address.toByteArray().slice(12))
      return inner.range() === 'unicast'
    }),
    { numRuns: 3000 },
  )
})

t.test('metadata services are known in every form', async (t) => {
  const addresses = [
    ...['169.254.169.254', '169.254.170.2', '100.100.100.200', '168.63.129.16', 'fd00:ec2::254', 'FD00:EC2:0::254'],
    ...['::ffff:169.254.169.254', '::169.254.169.254', '::ffff:0:169.254.169.254', '64:ff9b::169.254.169.254'],
    ...['64:ff9b:1::169.254.169.254', '64:ff9b:1:a9fe:a9:fe00::', '2002:a9fe:a9fe::1'],
  ]
  for (const text of addresses) t.ok(isMetadataService(parseTarget(text) ?? ''), text)
  for (const text of ['169.254.169.253', '8.8.8.8', 'fd00:ec2::255', '2002:a9fe:a9fd::1'])
    t.notOk(isMetadataService(parseTarget(text) ?? ''), text)
})
