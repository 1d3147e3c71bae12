/** What a User-Agent header tells about a device, as far as it is known. Anybody can send anything, so it proves nothing. */
export interface Device {
  /** The name of a browser, such as "Firefox". */
  readonly browser: string | undefined
  /** The name of an operating system, such as "Windows". */
  readonly system: string | undefined
}

/**
 * Reads the browser and the system from User-Agent headers. The parser is loaded when it is first needed. Only names that the parser has on its lists
 * are returned: for other headers it returns parts of the header, in which somebody could write a sentence that people then read in a mail.
 */
export async function deviceReader(): Promise<(userAgent: string | undefined) => Device> {
  const { default: bowser, BROWSER_MAP, OS_MAP } = await import('bowser')
  const [browsers, systems] = [BROWSER_MAP, OS_MAP].map((names) => new Set(Object.values<string>(names)))
  return (userAgent) => {
    if (userAgent === undefined || userAgent === '') return { browser: undefined, system: undefined }
    const { browser, os } = bowser.parse(userAgent)
    return { browser: listed(browsers, browser.name), system: listed(systems, os.name) }
  }
}

function listed(names: ReadonlySet<string> | undefined, name: string | undefined): string | undefined {
  return name !== undefined && names?.has(name) ? name : undefined
}
