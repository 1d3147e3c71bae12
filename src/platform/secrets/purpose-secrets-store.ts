import type { Queryable } from '../database/queryable.ts'

export interface SealedPurposeSecret {
  readonly purpose: string
  readonly version: number
  readonly sealed: Buffer
}

export async function loadPurposeSecrets(db: Queryable): Promise<SealedPurposeSecret[]> {
  const { rows } = await db.query<{ purpose: string; version: number; sealed: Buffer }>({
    text: 'SELECT purpose, version, sealed FROM purpose_secrets ORDER BY purpose, version',
  })
  return rows
}

export async function insertPurposeSecret(db: Queryable, secret: SealedPurposeSecret): Promise<void> {
  await db.query({
    text: 'INSERT INTO purpose_secrets (purpose, version, sealed) VALUES ($1, $2, $3)',
    values: [secret.purpose, secret.version, secret.sealed],
  })
}

/** The same secret under another wrapping. */
export async function replacePurposeSeal(
  tx: Queryable,
  { purpose, version, sealed }: SealedPurposeSecret,
): Promise<void> {
  await tx.query({
    text: 'UPDATE purpose_secrets SET sealed = $3 WHERE purpose = $1 AND version = $2',
    values: [purpose, version, sealed],
  })
}

/** Whether anything at all was sealed here under a master key. */
export async function holdsSealed(db: Queryable): Promise<boolean> {
  const { rows } = await db.query<{ holds: boolean }>({
    text: `SELECT EXISTS (SELECT FROM purpose_secrets)
               OR EXISTS (SELECT FROM signing_keys WHERE sealed_private_jwk IS NOT NULL) AS holds`,
  })
  return rows[0]!.holds
}
