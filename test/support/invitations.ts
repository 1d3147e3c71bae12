import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { type Answer, answer } from '../cli/console.ts'
import type { Idp } from './idp.ts'
import { testMasterKey } from './signing-keys.ts'

/** Runs `signet` on the installation of a running server. */
export function commandsOn({ signet: { settings } }: Idp, more: Record<string, string> = {}) {
  const environment = {
    SIGNET_DATABASE_URL: settings.databaseUrl ?? '',
    SIGNET_DATABASE_SCHEMA: settings.databaseSchema,
    SIGNET_ISSUER: settings.issuer,
    SIGNET_KEYS_DIR: settings.keysDir,
    SIGNET_DATA_DIR: settings.dataDir,
    SIGNET_MASTER_KEY: testMasterKey,
    SIGNET_LOG_LEVEL: 'silent',
    ...more,
  }
  return (...args: string[]): Promise<Answer> => answer(args, { environment, folder: tmpdir() })
}

/** Invites an address by command, and returns the path of the link that it prints. */
export async function invited(idp: Idp, email: string, ...flags: string[]): Promise<string> {
  const { code, out, err } = await commandsOn(idp)('users', 'invite', email, '--print-link', '--json', ...flags)
  assert.equal(code, 0, err)
  const { link } = JSON.parse(out) as { link: string }
  assert.ok(link.startsWith(`${idp.issuer}/`), link)
  return link.slice(idp.issuer.length)
}

/** The accounts with an address, oldest first, and everything that belongs to them. */
export async function accountsWith({ signet }: Idp, email: string) {
  const { rows } = await signet.database.query<{
    sub: string
    name: string | null
    verified: boolean
    signed_up: boolean
    groups: string[]
  }>({
    text: `SELECT sub, name, verified_at IS NOT NULL AS verified, signed_up,
             ARRAY(SELECT group_name FROM group_members WHERE group_members.sub = accounts.sub ORDER BY 1) AS groups
           FROM account_emails JOIN accounts USING (sub) WHERE email = $1 ORDER BY accounts.created_at`,
    values: [email],
  })
  return rows
}

/** The events of some types, oldest first. */
export async function eventsOf({ signet }: Idp, ...types: string[]) {
  const { rows } = await signet.database.query<{ type: string; sub: string | null; detail: Record<string, unknown> }>({
    text: 'SELECT type, sub, detail FROM events WHERE type = ANY ($1) ORDER BY id',
    values: [types],
  })
  return rows
}
