import t from 'tap'
import { changesSubjects, sectorOf } from '../../src/records/clients/sector.ts'
import type { Sub } from '../../src/records/ids.ts'
import { subjectFor } from '../../src/tokens/subject.ts'

const subjectSalt = Buffer.from('000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f', 'hex')
const sub = 'Zb1aMkUoyRXcTxC9QfZ0Ug' as Sub
const client = (more = {}) => ({
  ...({
    subject_type: 'pairwise',
    sector_identifier_uri: undefined,
    redirect_uris: ['https://app.example/callback'],
  } as const),
  ...more,
})

t.test('a pairwise subject never changes: a fixed vector', async (t) => {
  // Calculated with OpenSSL: printf 'app.example\0Zb1aMkUoyRXcTxC9QfZ0Ug' | openssl dgst -sha256 -mac HMAC -macopt hexkey:0001…1f
  t.equal(subjectFor({ subjectSalt }, client(), sub) as string, 'U26cG6EygE-JNuXLLaQvsg')
})

t.test('it depends on salt, sector and account, and on nothing else', async (t) => {
  const of = (more = {}, salt = subjectSalt, account = sub) => subjectFor({ subjectSalt: salt }, client(more), account)
  const subjects = [
    of(),
    of({}, Buffer.alloc(32)),
    of({ redirect_uris: ['https://other.example/callback'] }),
    of({ sector_identifier_uri: 'https://sector.example/uris.json' }),
    of({}, subjectSalt, 'another' as Sub),
    of({ subject_type: 'public' }),
  ]
  t.equal(new Set(subjects).size, subjects.length)
  t.equal(of({ redirect_uris: ['https://app.example:8443/a', 'https://app.example/b'] }), of())
  t.equal(
    of({ sector_identifier_uri: 'https://app.example/uris.json', redirect_uris: ['https://elsewhere.example/'] }),
    of(),
  )
  t.equal(of({ subject_type: 'public' }) as string, sub)
  // A host and a sub that together have the same letters as those of another pair.
  t.not(
    of({ redirect_uris: ['https://app.exampl/'] }, subjectSalt, `e${sub}` as Sub),
    of({ redirect_uris: ['https://app.example/'] }),
  )
})

t.test('a client without a sector is never told who somebody is', async (t) => {
  for (const redirect_uris of [
    [],
    ['https://a.example/', 'https://b.example/'],
    ['com.example.app:/callback'],
    ['com.example.app://bank.example/callback'],
    ['http://localhost:3000/callback'],
    ['http://127.0.0.1/callback'],
    ['http://[::1]/callback'],
    ['https://app.example/callback', 'http://localhost/callback'],
  ]) {
    t.equal(sectorOf(client({ redirect_uris })), undefined, redirect_uris.join(' '))
    t.throws(() => subjectFor({ subjectSalt }, client({ redirect_uris }), sub), /no sector/)
    t.equal(
      sectorOf(client({ redirect_uris, sector_identifier_uri: 'https://sector.example:8443/uris.json' })),
      'sector.example',
    )
  }
})

t.test('which changes give everybody another subject', async (t) => {
  const moved = { redirect_uris: ['https://other.example/callback'] }
  const pinned = { sector_identifier_uri: 'https://app.example/uris.json' }
  const isPublic = { subject_type: 'public' }
  for (const [before, after, expected] of [
    [{}, {}, false],
    [{}, moved, true],
    [{}, pinned, false],
    [pinned, { ...pinned, ...moved }, false],
    [{}, isPublic, true],
    [isPublic, {}, true],
    [isPublic, { ...isPublic, ...moved, ...pinned }, false],
  ])
    t.equal(
      changesSubjects(client(before as object), client(after as object)),
      expected,
      JSON.stringify([before, after]),
    )
})
