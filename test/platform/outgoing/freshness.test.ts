import t from 'tap'
import { freshnessOf } from '../../../src/platform/outgoing/freshness.ts'

const of = (headers: Record<string, string>) => freshnessOf((name) => headers[name])

t.test('a response is kept as its headers say, but for no longer than a day', async (t) => {
  const date = 'Mon, 30 Nov 2026 10:00:00 GMT'
  const cases: [Record<string, string>, number][] = [
    [{}, 300],
    [{ 'cache-control': 'max-age=60' }, 60],
    [{ 'cache-control': 'public, max-age=3600, must-revalidate', age: '600' }, 3000],
    [{ 'cache-control': 'max-age=60', age: '100' }, 0],
    [{ 'cache-control': 'max-age=60', age: 'old' }, 60],
    [{ 'cache-control': 'MAX-AGE="60"' }, 60],
    [{ 'cache-control': 'max-age=9999999999999' }, 86_400],
    [{ 'cache-control': 'max-age=-1' }, 300],
    [{ 'cache-control': 's-maxage=60' }, 300],
    [{ 'cache-control': 'no-store' }, 0],
    [{ 'cache-control': 'max-age=60, No-Cache' }, 0],
    [{ 'cache-control': 'private, no-cache="set-cookie", max-age=60' }, 0],
    [{ date, expires: 'Mon, 30 Nov 2026 10:10:00 GMT' }, 600],
    [{ date, expires: 'Mon, 30 Nov 2026 09:00:00 GMT' }, 0],
    [{ expires: '0' }, 0],
    [{ expires: '-1' }, 0],
    [{ date, expires: 'Mon, 30 Nov 2099 10:10:00 GMT' }, 86_400],
    [{ 'cache-control': 'max-age=60', expires: '0' }, 60],
  ]
  for (const [headers, seconds] of cases) t.equal(of(headers), seconds, JSON.stringify(headers))
})
