import t from 'tap'
import {
  createPasswordHashing,
  hashQueueLimits,
  hashQueueShare,
} from '../../../src/records/accounts/password-hashing.ts'
import { cheapHashing } from '../../support/idp.ts'

const requester = { network: undefined }

t.test('a password is hashed as OWASP recommends, and a hash made otherwise is outdated', async (t) => {
  const passwords = createPasswordHashing()
  const hash = await passwords.hash('correct horse battery staple', requester)
  // argon2id, 19 MiB, two passes, one lane (OWASP Password Storage).
  t.match(hash, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
  t.equal(passwords.isOutdated(hash), false)
  const cheap = createPasswordHashing(cheapHashing)
  t.equal(passwords.isOutdated(await cheap.hash('correct horse battery staple', requester)), true)
})

t.test('no password is correct for an account that does not exist', async (t) => {
  const passwords = createPasswordHashing(cheapHashing)
  const hash = await passwords.hash('right', requester)
  t.equal(await passwords.verify('right', hash, requester), true)
  t.equal(await passwords.verify('wrong', hash, requester), false)
  t.equal(await passwords.verify('right', undefined, requester), false)
})

t.test('several processes hash about as many passwords at a time as one, and their queues are as long in time', (t) => {
  t.same(hashQueueShare(1), hashQueueLimits)
  const { timeoutMs } = hashQueueLimits
  t.same(hashQueueShare(2), { slots: 2, maxWaiting: 67, maxWaitingPerSource: 14, timeoutMs })
  for (const workers of [3, 4, 64])
    t.same(hashQueueShare(workers), { slots: 1, maxWaiting: 34, maxWaitingPerSource: 7, timeoutMs })
  t.end()
})
