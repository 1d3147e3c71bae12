import t from 'tap'
import { startSignet } from '../support/idp.ts'
import { faultsOf } from './plain-answer.ts'
import { postForm } from './send.ts'

t.test('a client assertion whose sub has a NUL character is refused without a server error', async (t) => {
  const idp = await startSignet(t)
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  for (const sub of ['\0', 'client_a\0b'])
    for (const path of ['/token', '/introspect', '/revoke']) {
      const form = {
        grant_type: 'client_credentials',
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: `${encode({ alg: 'ES256' })}.${encode({ sub })}.AA`,
      }
      const answer = await postForm(idp, path, new URLSearchParams(form).toString())
      t.same(faultsOf(answer), [], path)
      t.match(answer, { status: path === '/introspect' ? 401 : 400, json: { error: 'invalid_client' } }, path)
    }
})
