/** The host of a URL as sockets and certificates have it: an IPv6 address without its brackets. */
export function bareHost(url: string): string {
  return new URL(url).hostname.replace(/^\[|\]$/g, '')
}
