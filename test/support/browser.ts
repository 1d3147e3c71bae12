import { type CookieNames, cookieNames } from '../../src/platform/http/cookies.ts'

/** The response, after its cookies have been stored. */
export interface Visit {
  readonly url: string
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The redirect's target, as an absolute URL. */
  readonly location: string | undefined
}

/** A browser at the level of HTTP: it stores cookies, sends Origin with forms, and fills in the forms of pages that it received. */
export interface Browser {
  readonly get: (path: string, headers?: Record<string, string>) => Promise<Visit>
  readonly post: (
    path: string,
    form: Record<string, string> | string,
    headers?: Record<string, string>,
  ) => Promise<Visit>
  /** Follows redirects within the issuer. */
  readonly follow: (visit: Visit) => Promise<Visit>
  /** Submits the form that contains the button or field `id`, with these values in place of the form's own. */
  readonly submit: (page: Visit, id: string, values?: Record<string, string>) => Promise<Visit>
  readonly cookies: Map<string, string>
  /** Whether scripts may read a cookie. */
  readonly isReadable: (name: string) => boolean
  /** The issuer's cookie names. */
  readonly names: CookieNames
}

export function createBrowser(issuer: string, base: string): Browser {
  const cookies = new Map<string, string>()
  const readable = new Set<string>()
  const visit = async (path: string, init: RequestInit): Promise<Visit> => {
    const url = new URL(path, issuer)
    const response = await fetch(new URL(url.pathname + url.search, base), {
      ...init,
      redirect: 'manual',
      headers: {
        ...(cookies.size > 0 ? { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') } : {}),
        ...(init.headers as Record<string, string>),
      },
    })
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (value === '' || /expires=thu, 01 jan 1970/i.test(line)) cookies.delete(name)
      else cookies.set(name, value)
      if (/;\s*httponly\b/i.test(line)) readable.delete(name)
      else readable.add(name)
    }
    const location = response.headers.get('location')
    return {
      url: url.href,
      status: response.status,
      headers: response.headers,
      text: await response.text(),
      location: location === null ? undefined : new URL(location, url).href,
    }
  }
  const browser: Browser = {
    cookies,
    isReadable: (name) => readable.has(name),
    names: cookieNames(issuer),
    get: (path, headers = {}) => visit(path, { headers }),
    post: (path, form, headers = {}) =>
      visit(path, {
        method: 'POST',
        body: typeof form === 'string' ? form : new URLSearchParams(form).toString(),
        headers: { 'content-type': 'application/x-www-form-urlencoded', origin: issuer, ...headers },
      }),
    follow: async (first) => {
      let last = first
      for (let hops = 0; last.location?.startsWith(`${issuer}/`) && hops < 10; hops++)
        last = await browser.get(last.location)
      return last
    },
    submit: (page, id, values = {}) => {
      const form = formsOf(page.text).find(({ html }) => html.includes(`id="${id}"`))
      if (!form) throw new Error(`The page has no form with #${id}:\n${page.text}`)
      return browser.post(form.action, { ...form.inputs, ...values })
    },
  }
  return browser
}

/** The forms of a page, with what a browser would send if the person pressed their buttons without typing anything. */
export function formsOf(html: string) {
  return [...html.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/g)].map(([, attributes = '', content = '']) => ({
    action: decodeEntities(/action="([^"]*)"/.exec(attributes)?.[1] ?? ''),
    attributes,
    html: content,
    inputs: Object.fromEntries(
      [...content.matchAll(/<input\b([^>]*)>/g)]
        .flatMap(([, input = '']) => {
          const name = /\bname="([^"]*)"/.exec(input)?.[1]
          const isUnticked = input.includes('type="checkbox"') && !/\schecked\b/.test(input)
          return name === undefined || isUnticked
            ? []
            : [[name, decodeEntities(/\bvalue="([^"]*)"/.exec(input)?.[1] ?? '')]]
        })
        .concat(selectedIn(content)),
    ) as Record<string, string>,
  }))
}

/** The lists of a form, with the value that is selected in each. */
function selectedIn(form: string): [name: string, value: string][] {
  return [...form.matchAll(/<select\b[^>]*\bname="([^"]*)"[^>]*>([\s\S]*?)<\/select>/g)].map(
    ([, name = '', content = '']) => {
      const options = content.match(/<option\b(?:"[^"]*"|[^>"])*>/g) ?? []
      const selected = options.find((option) => /\sselected\b/.test(option.replaceAll(/"[^"]*"/g, ''))) ?? options[0]
      return [name, decodeEntities(/\bvalue="([^"]*)"/.exec(selected ?? '')?.[1] ?? '')]
    },
  )
}

export function decodeEntities(text: string): string {
  return text.replaceAll('&quot;', '"').replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&')
}
