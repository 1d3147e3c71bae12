import type { Browser } from 'playwright-core'
import { teardownProcess } from '../support/together.ts'
import { launchChromium } from './chromium.ts'

let shared: Promise<Browser> | undefined

/**
 * The Chromium of all test files in this process, which is closed at the end. Each test closes the contexts that it opens.
 *
 * @throws as `launchChromium` does
 */
export function sharedChromium(): Promise<Browser> {
  shared ??= launchChromium({ teardown: teardownProcess })
  return shared
}
