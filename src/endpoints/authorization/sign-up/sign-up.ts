import type { FastifyReply, FastifyRequest } from 'fastify'
import { inTransaction } from '../../../platform/database/queryable.ts'
import { browserOf } from '../../../platform/http/cookies.ts'
import { callerOf, requesterOf } from '../../../platform/http/request-context.ts'
import { digest, randomText } from '../../../platform/secrets/digest.ts'
import { isEmailAddress } from '../../../records/accounts/account.ts'
import { insertAccount } from '../../../records/accounts/accounts-store.ts'
import { passwordFault } from '../../../records/accounts/password-rules.ts'
import { recordEvent } from '../../../records/events/events-store.ts'
import { isPlainText, longestName } from '../../../records/plain-text.ts'
import { startSession } from '../../../records/sessions/browser-session.ts'
import type { Signet } from '../../../signet.ts'
import type { SignUpFaults } from './sign-up-page.tsx'

interface Typed {
  readonly name: string | undefined
  readonly email: string | undefined
  readonly password: string | undefined
}

/**
 * Makes an account and signs the browser in. Whether somebody else has an account with that address makes no difference and is
 * not told: an address that nobody has verified blocks nobody.
 *
 * @returns what is wrong with what was typed; undefined when the account stands
 * @throws LimitExceeded, HashQueueFull
 */
export async function signUp(
  signet: Signet,
  request: FastifyRequest,
  reply: FastifyReply,
  { name, email, password }: Typed,
): Promise<SignUpFaults | undefined> {
  const { settings, limits, passwords, clock } = signet
  const faults = await faultsIn({ name, email, password }, settings)
  if (faults || !email || !password) return faults
  const caller = callerOf(request)
  await limits.beforeSignUp(caller.network)
  const passwordHash = await passwords.hash(password, requesterOf(request, reply))
  const sub = randomText(16)
  const started = await inTransaction(signet.database, async (tx) => {
    await insertAccount(tx, { sub, profile: name === undefined ? {} : { name }, email, passwordHash })
    const session = await startSession(tx, settings, request, reply, {
      sub,
      authTime: clock.now(),
      amr: ['pwd'],
      browserDigest: digest(browserOf(request, reply, settings.issuer)),
      sidVersion: signet.secrets['session-id'].current,
    })
    await recordEvent(tx, { type: 'account_created', caller, sub })
    return session
  })
  if (started?.left) signet.endings.due()
  return undefined
}

async function faultsIn(
  { name, email, password }: Typed,
  settings: Signet['settings'],
): Promise<SignUpFaults | undefined> {
  const faults: SignUpFaults = {}
  if (name !== undefined && [...name].length > longestName) faults.name = 'name_too_long'
  else if (name !== undefined && !isPlainText(name, longestName)) faults.name = 'name_invalid'
  if (!email) faults.email = 'email_missing'
  else if (!isEmailAddress(email)) faults.email = 'email_invalid'
  if (!password) faults.password = 'password_missing'
  else {
    // Only names that have passed their own checks, which bound their length.
    const known = { name: faults.name ? undefined : name, email: faults.email ? undefined : email }
    const fault = await passwordFault(password, settings, known)
    if (fault) faults.password = fault
  }
  return Object.keys(faults).length > 0 ? faults : undefined
}
