import { Agent, request } from 'node:https'
import { decodeEntities, type Visit } from '../../support/browser.ts'
import type { Play } from './play.ts'

/**
 * Where a browser goes from a page: loads the frames that the page's Content-Security-Policy allows, and then follows its refresh, as HtmlUnit does in the suite.
 *
 * @returns the page itself if it does not lead anywhere
 */
export async function loadFrames({ suite }: Play, page: Visit): Promise<Visit> {
  // The name of the suite has no address.
  const agent = new Agent({
    ca: suite.server.certificate,
    lookup: (_host, { all }, done) =>
      all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4),
  })
  await Promise.all(framesOf(page).map((url) => load(url, agent)))
  agent.destroy()
  const refresh = refreshOf(page)
  return refresh === undefined ? page : { ...page, location: refresh }
}

/** Where a page leads after some seconds. */
export function refreshOf({ text, url }: Pick<Visit, 'text' | 'url'>): string | undefined {
  const target = /<meta\b(?=[^>]*\bhttp-equiv="refresh")[^>]*\bcontent="\d+;\s*url=([^"]*)"/i.exec(text)?.[1]
  return target === undefined ? undefined : new URL(decodeEntities(target), url).href
}

/** The frames of a page that a browser would load. */
export function framesOf({ text, headers }: Pick<Visit, 'text' | 'headers'>): string[] {
  const policy = headers.get('content-security-policy') ?? ''
  const allowed = /(?:^|;)\s*frame-src ([^;]*)/.exec(policy)?.[1]?.split(/\s+/) ?? []
  return [...text.matchAll(/<iframe\b[^>]*\bsrc="([^"]*)"/g)]
    .map(([, source = '']) => decodeEntities(source))
    .filter((source) => allowed.includes(new URL(source).origin))
}

async function load(url: string, agent: Agent): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    request(url, { agent }, (response) => response.resume().on('end', resolve))
      .on('error', reject)
      .end()
  })
}
