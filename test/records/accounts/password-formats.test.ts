import t from 'tap'
import { dummyOf, kindOf, type PasswordHash, readPasswordHash } from '../../../src/records/accounts/password-formats.ts'
import { createPasswordHashing } from '../../../src/records/accounts/password-hashing.ts'
import { foreignHashes, normalized, unnormalized } from '../../support/foreign-hashes.ts'
import { cheapHashing } from '../../support/idp.ts'

const requester = { network: undefined }
const salt = 'c29tZXNhbHQ'
const value = 'nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4'
const bcryptRest = 'abcdefghijklmnopqrstuuFiPhXf1sVd3pCCRO.uVh34H/qI/ZsuS'

function faultOf(text: string): string | undefined {
  const read = readPasswordHash(text)
  return 'fault' in read ? read.fault : undefined
}

t.test('a hash that takes too long or too much memory to check is refused before it is checked', async (t) => {
  const cases: [string, RegExp][] = [
    [`$2b$14$${bcryptRest}`, /too long to check: cost 14/],
    [`$2b$31$${bcryptRest}`, /too long to check: cost 31/],
    [`$argon2id$v=19$m=2147483648,t=1,p=1$${salt}$${value}`, /needs 2147483648 KiB/],
    [`$argon2id$v=19$m=131073,t=1,p=1$${salt}$${value}`, /KiB of memory/],
    [`$argon2id$v=19$m=65536,t=9,p=1$${salt}$${value}`, /too long to check: 9 passes/],
    [`$argon2id$v=19$m=1024,t=4294967295,p=1$${salt}$${value}`, /too long to check/],
    [`$argon2id$v=19$m=4096,t=1,p=17$${salt}$${value}`, /17 lanes/],
    [`$scrypt$ln=18,r=8,p=1$${salt}$${value}`, /KiB of memory/],
    [`$scrypt$ln=31,r=8,p=1$${salt}$${value}`, /KiB of memory/],
    [`$scrypt$ln=99,r=8,p=1$${salt}$${value}`, /KiB of memory/],
    [`$scrypt$ln=1,r=999999,p=1$${salt}$${value}`, /KiB of memory/],
    // Little memory, but 262,144 threads.
    [`$argon2id$v=19$m=128,t=4096,p=16$${salt}$${value}`, /4096 passes in 16 lanes/],
    [`$scrypt$ln=17,r=8,p=2$${salt}$${value}`, /too long/],
    [`$pbkdf2-sha256$i=2147483648$${salt}$${value}`, /2147483648 iterations/],
    [`$pbkdf2-sha1$i=600000$${salt}$${'A'.repeat(86)}`, /600000 iterations for 64 bytes/],
    [`pbkdf2_sha256$9999999999$salt$${value}=`, /iterations/],
  ]
  for (const [hash, fault] of cases) t.match(faultOf(hash), fault, hash)
})

t.test('malformed hashes, and hashes of other kinds, are refused', async (t) => {
  const cases: [string, RegExp][] = [
    ['', /unknown format/],
    ['correct horse battery staple', /unknown format/],
    ['5f4dcc3b5aa765d61d8327deb882cf99', /unknown format/],
    [`$2x$05$${bcryptRest}`, /\$2x\$/],
    [`$2b$+4$${bcryptRest}`, /unknown format/],
    [`$2b$03$${bcryptRest}`, /does not allow/],
    [`$2b$05$${bcryptRest}$`, /unknown format/],
    [`$2b$05$${bcryptRest}\n`, /unknown format/],
    [`bcrypt_sha256$$2b$05$${bcryptRest}`, /unknown format/],
    [`$argon2id$v=20$m=256,t=2,p=1$${salt}$${value}`, /version 20/],
    [`$argon2id$v=19$m=7,t=2,p=1$${salt}$${value}`, /does not allow/],
    [`$argon2id$v=19$m=256,t=0,p=1$${salt}$${value}`, /does not allow/],
    [`$argon2id$v=19$m=256,t=2,p=1,data=AAAA$${salt}$${value}`, /unknown format/],
    [`$argon2x$v=19$m=256,t=2,p=1$${salt}$${value}`, /unknown format/],
    [`$argon2id$v=19$m=256,t=2,p=1$AAAA$${value}`, /salt of 3 bytes/],
    [`$argon2id$v=19$m=256,t=2,p=1$${salt}$AAAA`, /has 3 bytes/],
    [`$scrypt$ln=0,r=8,p=1$${salt}$${value}`, /does not allow/],
    [`$pbkdf2-sha256$i=0$${salt}$${value}`, /does not allow/],
    [`$pbkdf2-sha256$i=1000,l=64$${salt}$${value}`, /does not have the 64 bytes/],
    [`$pbkdf2-md5$i=1000$${salt}$${value}`, /unknown format/],
    [`$pbkdf2-sha256$i=1000$${salt}$${'A'.repeat(900)}`, /bytes/],
    [`$pbkdf2-sha256$i=1000$${salt}$${'A'.repeat(2000)}`, /longer than 1024/],
    [`$pbkdf2-sha256$i=1e3$${salt}$${value}`, /unknown format/],
  ]
  for (const [hash, fault] of cases) t.match(faultOf(hash), fault, hash)
})

t.test('a hash by another implementation matches its password and no other', async (t) => {
  for (const [name, { hash, password }] of Object.entries(foreignHashes)) {
    const read = readPasswordHash(hash) as PasswordHash
    t.equal(faultOf(hash), undefined, name)
    t.equal(await read.matches(password), true, name)
    t.equal(await read.matches(`${password}!`), false, name)
    t.equal(await read.matches(''), false, name)
    t.equal(faultOf(read.text), undefined, `${name}: the stored form can be read`)
    t.equal(await (readPasswordHash(read.text) as PasswordHash).matches(password), true, name)
    t.equal(read.kind, kindOf(read.text), name)
  }
})

t.test('a stored hash beyond the limits matches nothing, and costs a dummy', async (t) => {
  const passwords = createPasswordHashing(cheapHashing)
  for (const hash of [`$2b$31$${bcryptRest}`, `$argon2id$v=19$m=2147483648,t=1,p=1$${salt}$${value}`, 'nonsense'])
    t.equal(await passwords.verify('password', hash, requester), false, hash)
})

t.test('a password is tried as it was typed and normalised, because other systems hash either', async (t) => {
  const passwords = createPasswordHashing(cheapHashing)
  for (const { hash, password } of [unnormalized, normalized]) {
    t.equal(await passwords.verify(password, hash, requester), true)
    t.equal(await passwords.verify(`${password}!`, hash, requester), false)
  }
})

t.test('every kind has dummies, which no password matches and which cost the same', async (t) => {
  const passwords = createPasswordHashing(cheapHashing)
  for (const [name, { hash, password }] of Object.entries(foreignHashes)) {
    const { kind } = readPasswordHash(hash) as PasswordHash
    t.equal(dummyOf(kind)?.kind, kind, name)
    t.equal(await passwords.verify(password, undefined, requester, kind), false, name)
    t.equal(passwords.isOutdated((readPasswordHash(hash) as PasswordHash).text), true, name)
  }
  t.equal(dummyOf('$2b$31'), undefined)
  t.equal(dummyOf('nonsense'), undefined)
  t.equal(await passwords.verify('password', undefined, requester, 'nonsense'), false)
})
