// Copies what the packages were built to into the root's dist/, where `imports` in package.json find it. So the tarball of signet-idp holds
// them, and depends on no package that is not published.
import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
for (const name of ['verify', 'local-postgres']) {
  const copy = join(root, 'dist', name)
  rmSync(copy, { recursive: true, force: true })
  cpSync(join(root, 'packages', name, 'dist'), copy, { recursive: true })
}
