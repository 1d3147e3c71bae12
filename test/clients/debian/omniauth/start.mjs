// Starts the application with the Ruby that is unpacked here. Debian's packages are not installed, so they change nothing in the system.
import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

const usr = join(import.meta.dirname, 'root/usr')
const [machine] = readdirSync(join(usr, 'lib')).filter((name) => name.includes('-linux-'))
const ruby = spawn(join(usr, 'bin/ruby3.1'), ['app.rb'], {
  stdio: 'inherit',
  env: {
    ...process.env,
    LD_LIBRARY_PATH: join(usr, 'lib', machine),
    RUBYLIB: ['ruby/vendor_ruby', 'ruby/3.1.0', `${machine}/ruby/vendor_ruby/3.1.0`, `${machine}/ruby/3.1.0`]
      .map((path) => join(usr, 'lib', path))
      .join(':'),
    GEM_PATH: ['share/rubygems-integration/all', 'share/rubygems-integration/3.1.0', 'lib/ruby/gems/3.1.0']
      .map((path) => join(usr, path))
      .join(':'),
  },
})
ruby.once('exit', (code) => process.exit(code ?? 1))
process.once('SIGTERM', () => ruby.kill())
