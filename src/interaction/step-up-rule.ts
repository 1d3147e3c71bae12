import type { Settings } from '../platform/config/settings.ts'
import type { ContextClass } from '../protocol/oidc-values.ts'
import { freshFor, isFreshlyProven, offersPasskeys, strongestFactor } from '../records/accounts/factors.ts'
import type { Session } from '../records/sessions/sessions-store.ts'
import { missingClass } from '../tokens/authentication.ts'
import type { CodeKind } from './asked-code.ts'
import { setUpPages } from './factor-gate.ts'
import type { Interaction } from './interaction.ts'

/** Why somebody has to prove more: for a class that the session lacks, or because the last proof is too old for what they want to change. */
export type StepUpNeed = ContextClass | 'fresh'

/**
 * How a person can prove what is missing. Either with a passkey, or with everything else together. None at all: the account has only what cannot be used here any
 * more, because passwords have been turned off (SIGNET_PASSWORDS) since.
 */
export interface StepUpWays {
  readonly passkey: boolean
  /** Whether the password has to be typed. */
  readonly password: boolean
  /** The kinds of codes of which one has to be typed besides it; empty: none is needed. */
  readonly codes: readonly CodeKind[]
}

export type StepUp =
  | { readonly kind: 'done' }
  | { readonly kind: 'prove'; readonly ways: StepUpWays }
  /** The account has no factor that would be enough. These can be set up. */
  | { readonly kind: 'set_up'; readonly factors: readonly ('passkey' | 'totp')[] }

type Proven = Pick<Session, 'amr' | 'authTime' | 'factor' | 'factorTime'>
type FactorSettings = Pick<Settings, 'issuer' | 'passwordSignIn' | 'secondFactor'>

/** What the page that follows needs; undefined if nothing: then the request goes on by itself. */
export function stepUpNeed(
  interaction: Interaction,
  session: Proven,
  { secondFactor }: Pick<FactorSettings, 'secondFactor'>,
): StepUpNeed | undefined {
  const isRequired = secondFactor === 'required'
  if (interaction.kind === 'authorization')
    return interaction.step.step === 'step-up'
      ? missingClass(session.amr, interaction.request.acr.classes, isRequired)
      : undefined
  const { destination } = interaction
  if (destination?.needs) return missingClass(session.amr, [destination.needs], isRequired)
  if (destination && setUpPages.includes(destination.page)) return 'fresh'
  return missingClass(session.amr, [], isRequired) ?? 'fresh'
}

/**
 * How the person can prove what is needed. A recovery code stands in for a passkey or a one-time code, but is not phishing-resistant.
 *
 * A code alone is not enough if the password was not typed recently. Otherwise somebody with a stolen session could guess codes.
 *
 * @param kinds of all credentials of the account
 * @param now milliseconds since 1970
 */
export function stepUpFor(
  need: StepUpNeed | undefined,
  session: Proven,
  kinds: readonly string[],
  settings: FactorSettings,
  now: number,
): StepUp {
  if (need === undefined || (need === 'fresh' && isFreshlyProven(session, kinds, now))) return { kind: 'done' }
  const passkey = kinds.includes('passkey') && offersPasskeys(settings)
  const hasPassword = kinds.includes('password') && settings.passwordSignIn === 'on'
  const isPasswordFresh = session.amr.includes('pwd') && now - session.authTime < freshFor * 1000
  const recovery: readonly CodeKind[] = kinds.includes('recovery_codes') ? ['recovery-code'] : []
  const totp = kinds.includes('totp')
  const codes: readonly CodeKind[] = totp ? ['one-time-code', ...recovery] : recovery
  const by = (ways: Omit<StepUpWays, 'password'>): StepUp => ({
    kind: 'prove',
    // With a code, never instead of it.
    ways: { ...ways, password: hasPassword && !isPasswordFresh && ways.codes.length > 0 },
  })
  if (need === 'fresh')
    switch (strongestFactor(kinds)) {
      case 'password':
        return { kind: 'prove', ways: { passkey: false, password: hasPassword, codes: [] } }
      case 'totp':
        // A one-time code is a fresh proof only with the password.
        return by({ passkey: false, codes: hasPassword || isPasswordFresh ? codes : recovery })
      case 'passkey':
        return by({ passkey, codes: recovery })
    }
  if (need === 'phr') return passkey ? by({ passkey, codes: [] }) : { kind: 'set_up', factors: ['passkey'] }
  if (passkey || totp) return by({ passkey, codes })
  const factors = [...(offersPasskeys(settings) ? ['passkey' as const] : []), ...(hasPassword ? ['totp' as const] : [])]
  return { kind: 'set_up', factors }
}
