import { randomBytes } from 'node:crypto'
import { replaceRecoveryCodes } from '../../src/operations/replace-recovery-codes.ts'
import { inTransaction } from '../../src/platform/database/queryable.ts'
import { listCredentials } from '../../src/records/accounts/account-credentials-store.ts'
import { sealTotp } from '../../src/records/accounts/totp.ts'
import { insertTotp } from '../../src/records/accounts/totp-store.ts'
import type { Idp, Person } from './idp.ts'
import { type Authenticator, givePasskey } from './passkeys.ts'
import { oneTimeCode } from './totp.ts'

/** The factors that a test has given to an account. */
export interface GivenFactors {
  readonly passkey: Authenticator | undefined
  /** A one-time code that has not been used: each call returns the one after. */
  readonly code: () => string
  readonly recoveryCodes: readonly string[]
}

/**
 * Gives an account factors, as if its person had added them.
 *
 * @param days for how many days the account has had them
 * @param isVouched whether the person has proven another factor to add them
 */
export async function giveFactors(
  idp: Idp,
  { sub }: Pick<Person, 'sub'>,
  kinds: readonly ('passkey' | 'totp' | 'recovery_codes')[],
  { days = 0, isVouched = false }: { readonly days?: number; readonly isVouched?: boolean } = {},
): Promise<GivenFactors> {
  const { database, secrets, clock } = idp.signet
  const had = (await listCredentials(database, sub)).map(({ id }) => id)
  const passkey = kinds.includes('passkey') ? await givePasskey(idp, { sub }, { isVouched }) : undefined
  const secret = randomBytes(20)
  if (kinds.includes('totp'))
    await insertTotp(database, sub, sealTotp(secrets['totp-sealing'], sub, secret), { lastStep: 0, isVouched })
  const recoveryCodes = kinds.includes('recovery_codes')
    ? await inTransaction(database, (tx) => replaceRecoveryCodes(tx, idp.signet, sub))
    : []
  await database.query({
    text: `UPDATE account_credentials SET created_at = created_at - make_interval(days => $2), factors_since = factors_since - make_interval(days => $2)
           WHERE sub = $1 AND kind <> 'password' AND id <> ALL ($3)`,
    values: [sub, days, had],
  })
  let steps = -1
  return { passkey, code: () => oneTimeCode(secret, clock.now(), steps++), recoveryCodes }
}

/** The kinds of all credentials of an account, in order. */
export async function kindsOf({ signet }: Idp, { sub }: Pick<Person, 'sub'>): Promise<string[]> {
  return (await listCredentials(signet.database, sub)).map(({ kind }) => kind).sort()
}
