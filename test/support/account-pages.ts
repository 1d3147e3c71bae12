import { accountPages } from '../../src/pages/account/account-pages.ts'
import type { Browser, Visit } from './browser.ts'

/** All pages of the account's menu as if they were one page, so that a test finds every form. */
export async function everyAccountPage(browser: Browser): Promise<Visit> {
  const inMenu = accountPages.filter(({ menuLabel }) => menuLabel)
  const [first, ...others] = await Promise.all(inMenu.map(({ path }) => browser.get(path)))
  if (!first) throw new Error('The account has no pages.')
  return { ...first, text: [first, ...others].map(({ text }) => text).join('\n') }
}
