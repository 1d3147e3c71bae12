import type { Queryable } from '../platform/database/queryable.ts'
import type { Log } from '../platform/log.ts'
import type { MasterKey } from '../platform/secrets/master-key.ts'
import { delayInForce } from './activation-delay.ts'
import type { Delays } from './decisions.ts'
import type { JwkSet } from './jwk-set.ts'
import type { KeyLedger } from './key-ledger.ts'
import { type LoadedKey, loadKey } from './loaded-key.ts'
import type { KeyState } from './schedule.ts'
import { type KeyRecord, loadRing } from './signing-keys-store.ts'
import { takeSnapshot } from './snapshot.ts'

/** The keys as the database has them at one moment. */
export interface KeyView {
  readonly keys: ReadonlyMap<KeyRecord, KeyState>
  /** What is published. A key that the keys directory knows to be revoked is left out, even if the database has forgotten that. */
  readonly jwkSet: JwkSet
  /** In seconds; the activation delay is the one in force, whichever node named it. */
  readonly delays: Delays
  /** The ring's time, in milliseconds since 1970. */
  readonly now: number
  /** The kids of keys that are revoked by the keys directory and not by the database: a backup was restored, or a command was killed. */
  readonly notRevokedYet: readonly string[]
}

interface Options {
  readonly db: Queryable
  readonly masterKey: MasterKey
  readonly log: Log
  readonly ledger: Pick<KeyLedger, 'revokedAt'>
  readonly delays: Delays
}

/** Reads the keys and decides nothing, for commands that only look. States follow from the ring's time, as on every node. */
export async function viewKeys({ db, masterKey, log, ledger, delays }: Options): Promise<KeyView> {
  const { keys, now, delay } = await loadRing(db)
  const loaded = new Map<string, LoadedKey>()
  for (const record of keys)
    try {
      loaded.set(record.kid, loadKey(record, undefined, masterKey))
    } catch (err) {
      log.error({ err, kid: record.kid }, 'Ignoring a row of signing_keys: it is no key of this installation.')
    }
  const { states } = takeSnapshot(loaded, now)
  const isForgotten = ({ record }: LoadedKey) => record.revokedAt === undefined && ledger.revokedAt.has(record.kid)
  const published = new Map([...loaded].filter(([, key]) => !isForgotten(key)))
  return {
    keys: states,
    jwkSet: takeSnapshot(published, now).set,
    delays: { ...delays, activationDelay: delayInForce(delay, delays.activationDelay, now) },
    now,
    notRevokedYet: [...loaded.values()].filter(isForgotten).map(({ record }) => record.kid),
  }
}
