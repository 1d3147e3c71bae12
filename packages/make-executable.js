// Makes the command executable, for `npx signet` in a checkout: the compiler does not, and each build replaces the file. npm does it when it installs a tarball.
import { chmodSync } from 'node:fs'
import { join } from 'node:path'

chmodSync(join(import.meta.dirname, '../dist/main.js'), 0o755)
