import { countNodesOfEarlierReleases } from '../platform/database/primary-store.ts'
import type { Queryable } from '../platform/database/queryable.ts'
import type { MasterKey } from '../platform/secrets/master-key.ts'
import {
  maxVersion,
  openVersions,
  type Purpose,
  purposes,
  type SecretVersion,
  sealNewSecret,
} from '../platform/secrets/purpose-secrets.ts'
import {
  insertPurposeSecret,
  loadStoredSecrets,
  removeRevoked,
  type StoredSecrets,
} from '../platform/secrets/purpose-secrets-store.ts'
import { recordEnding } from '../records/endings/endings-store.ts'
import { recordEvent } from '../records/events/events-store.ts'
import type { Author } from './write-step.ts'

/*
 * The only functions that write purpose secrets. Call each in a transaction that holds the lock of the installation. Replacing the master key
 * takes the same lock, so that every secret is resealed, and two commands never create the same version.
 */

/** The outcome for one purpose. */
export interface Renewal {
  readonly purpose: Purpose
  /** The version that is used from `activatesAt` on; milliseconds since 1970. */
  readonly version: number
  readonly publishedAt: number
  readonly activatesAt: number
  /** False if this version had already been published. */
  readonly isNew: boolean
  /** The versions that are rejected from now on. */
  readonly revoked: readonly SecretVersion[]
}

/** Nodes of an earlier release are running. They read secrets only at their start, and would reject what others create with new ones. */
export class EarlierReleaseRuns extends Error {
  constructor(nodes: number) {
    super(
      `${nodes === 1 ? 'A node' : `${nodes} nodes`} of an earlier release still run${nodes === 1 ? 's' : ''}, or stopped less than a ` +
        'minute ago. It would reject what is created with new secrets. Upgrade all nodes first. Nothing was changed.',
    )
    this.name = 'EarlierReleaseRuns'
  }
}

/**
 * Publishes a new version of each of these purposes, unless one has already been published.
 *
 * @param publishedFor seconds until it is used
 * @throws EarlierReleaseRuns; MasterKeyError if the master key cannot open the existing versions. The transaction must then be rolled back
 */
export async function renewSecrets(
  tx: Queryable,
  masterKey: MasterKey,
  wanted: readonly Purpose[],
  publishedFor: number,
  author: Author,
): Promise<Renewal[]> {
  const earlier = await countNodesOfEarlierReleases(tx)
  if (earlier > 0) throw new EarlierReleaseRuns(earlier)
  const stored = await loadStoredSecrets(tx)
  const opened = openVersions(stored.versions, masterKey)
  const renewals: Renewal[] = []
  for (const purpose of wanted) {
    const pending = opened.find((version) => version.purpose === purpose && version.activatesAt > stored.now)
    const made = pending ?? (await addVersion(tx, masterKey, purpose, stored, publishedFor, author))
    const { version, publishedAt, activatesAt } = made
    renewals.push({ purpose, version, publishedAt, activatesAt, isNew: !pending, revoked: [] })
  }
  return renewals
}

/**
 * Replaces all versions of each of these purposes immediately, including those that are only published: whoever has read one of them may
 * have read all.
 *
 * @returns also the number of running nodes of an earlier release, which do not notice the revocation until they are restarted
 * @throws MasterKeyError if the master key cannot open the existing versions. The transaction must then be rolled back
 */
export async function revokeSecrets(
  tx: Queryable,
  masterKey: MasterKey,
  wanted: readonly Purpose[],
  author: Author,
): Promise<{ readonly renewals: Renewal[]; readonly earlierNodes: number }> {
  const stored = await loadStoredSecrets(tx)
  const opened = openVersions(stored.versions, masterKey)
  const renewals: Renewal[] = []
  for (const purpose of wanted) {
    const revoked = opened.filter((version) => version.purpose === purpose)
    for (const version of revoked) await revoke(tx, version, author)
    const { version, publishedAt, activatesAt } = await addVersion(tx, masterKey, purpose, stored, 0, author)
    renewals.push({ purpose, version, publishedAt, activatesAt, isNew: true, revoked })
  }
  return { renewals, earlierNodes: await countNodesOfEarlierReleases(tx) }
}

/** Whether `repairSecrets` would change anything. */
export function needsRepair(versions: readonly SecretVersion[], revoked: ReadonlyMap<string, number>): boolean {
  const accepted = versions.filter(({ fingerprint }) => !revoked.has(fingerprint))
  return (
    accepted.length < versions.length || purposes.some((purpose) => !accepted.some((one) => one.purpose === purpose))
  )
}

/**
 * Makes sure that every purpose has a secret that is not revoked: creates missing ones, and again revokes those that a restored backup has
 * brought back.
 *
 * @param revoked fingerprints in the keys directory
 * @throws MasterKeyError if the master key cannot open the existing versions. The transaction must then be rolled back
 */
export async function repairSecrets(
  tx: Queryable,
  masterKey: MasterKey,
  revoked: ReadonlyMap<string, number>,
): Promise<void> {
  const stored = await loadStoredSecrets(tx)
  const opened = openVersions(stored.versions, masterKey)
  for (const version of opened) if (revoked.has(version.fingerprint)) await revoke(tx, version, { by: 'schedule' })
  for (const purpose of purposes)
    if (!opened.some((one) => one.purpose === purpose && !revoked.has(one.fingerprint)))
      await addVersion(tx, masterKey, purpose, stored, 0, { by: 'schedule' })
}

async function addVersion(
  tx: Queryable,
  masterKey: MasterKey,
  purpose: Purpose,
  stored: StoredSecrets,
  activatesIn: number,
  author: Author,
) {
  const used = [...stored.versions, ...stored.revoked].filter((one) => one.purpose === purpose)
  const version = Math.max(0, ...used.map((one) => one.version)) + 1
  if (version > maxVersion) throw new Error(`The versions of ${purpose} are used up: ${maxVersion} is the last one.`)
  const made = await insertPurposeSecret(tx, sealNewSecret(purpose, version, masterKey), activatesIn)
  await recordEvent(tx, {
    type: 'secret_created',
    by: author.by,
    detail: { ...reasonOf(author), purpose, version, activates_at: new Date(made.activatesAt).toISOString() },
  })
  return made
}

async function revoke(tx: Queryable, version: SecretVersion, author: Author): Promise<void> {
  await removeRevoked(tx, version)
  const { purpose } = version
  await recordEvent(tx, {
    type: 'secret_revoked',
    by: author.by,
    detail: { ...reasonOf(author), purpose, version: version.version },
  })
  // Its refresh tokens are rejected from now on, so their grants are useless.
  if (purpose === 'refresh-mac')
    await recordEnding(
      tx,
      { kind: 'refresh_secret', reason: 'refresh_secret_revoked', version: version.version },
      undefined,
      0,
    )
}

function reasonOf({ reason }: Author) {
  return reason === undefined ? {} : { reason }
}
