import { hasActivated, keyStates } from '../../key-ring/schedule.ts'
import type { KeyRecord } from '../../key-ring/signing-keys-store.ts'
import { activationDelay, type Settings } from '../../platform/config/settings.ts'
import { accessTokenAlgorithms, type SigningAlgorithm, signingAlgorithms } from '../../platform/jwt/algorithms.ts'
import { bad, type Finding, good, warning } from './finding.ts'

/**
 * Whether every algorithm has an active key and a standby key that is ready to take over, and what happens next and when.
 *
 * @param now milliseconds since 1970, the database's
 */
export function judgeSigningKeys(
  keys: readonly KeyRecord[],
  now: number,
  settings: Pick<Settings, 'jwksMaxAge' | 'verifierCache' | 'clockSkew' | 'keyLease'>,
): Finding[] {
  const states = keyStates(keys, now)
  const delay = activationDelay(settings) * 1000
  return signingAlgorithms.map((alg) => {
    const of = (state: string) => keys.filter((key) => key.alg === alg && states.get(key) === state)
    const [active] = of('active')
    const [standby] = of('standby').sort((a, b) => a.activatesAt - b.activatesAt)
    if (!active) {
      const isNew =
        !accessTokenAlgorithms.some((one) => one === alg) &&
        !keys.some((key) => key.alg === alg && hasActivated(key, now))
      return isNew ? notYetActive(alg, standby) : noActive(alg, standby)
    }
    const retiring = of('retiring').map(({ retiresAt }) => retiresAt)
    return judgeStandby(alg, standby, now, delay, inRetirement(retiring))
  })
}

function noActive(alg: SigningAlgorithm, standby: KeyRecord | undefined): Finding {
  return bad(
    'signing-keys',
    `No ${alg} key is active: nothing can be signed with ${alg}${accessTokenAlgorithms.some((one) => one === alg) ? ', and no node is ready' : ''}.`,
    standby
      ? `The next one takes over at ${moment(standby.activatesAt)}. 'signet events list --kid ${standby.kid}' shows what happened.`
      : "'signet keys list' shows all keys. If rows were lost, restore signing_keys from a backup.",
  )
}

/** After an upgrade that added the algorithm. */
function notYetActive(alg: SigningAlgorithm, standby: KeyRecord | undefined): Finding {
  return standby
    ? good(
        'signing-keys',
        `${alg}: the first key signs from ${moment(standby.activatesAt)}, when every verifier has seen it. Until then, the metadata does not list ${alg}.`,
      )
    : warning('signing-keys', `There is no ${alg} key yet.`, 'Start a server of this release: it creates the key.')
}

function judgeStandby(
  alg: SigningAlgorithm,
  standby: KeyRecord | undefined,
  now: number,
  delay: number,
  retirement: string,
): Finding {
  if (!standby)
    return warning(
      'signing-keys',
      `${alg}: a key is active, but there is no standby key${retirement}.`,
      'A running server creates one. Replacing a key before every verifier has seen the new one breaks verifiers.',
    )
  const ripe = standby.publishedAt + delay
  if (standby.activatesAt < ripe)
    return warning(
      'signing-keys',
      `${alg}: the next key signs from ${moment(standby.activatesAt)}, before every verifier has seen it (${moment(ripe)})${retirement}.`,
      'It was published with shorter delays. A running server postpones it. If no server with these settings is running, start one in time.',
    )
  const readiness = ripe <= now ? 'ready to take over' : `ready from ${moment(ripe)}, when every verifier has seen it`
  const next = `the standby key is ${readiness}, and signs from ${moment(standby.activatesAt)}`
  return good('signing-keys', `${alg}: a key is active; ${next}${retirement}.`)
}

function inRetirement(moments: readonly (number | undefined)[]): string {
  if (moments.length === 0) return ''
  const last = moments.map((at) => (at === undefined ? 'a time not yet decided' : moment(at))).sort()
  return `; ${moments.length} retiring, the last until ${last.at(-1)}`
}

function moment(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}
