/**
 * An e-mail address as somebody else may see it: `m…@example.org`. Always one character and the domain, so that not even the length of the
 * rest is told.
 */
export function addressInPart(address: string): string {
  const at = address.lastIndexOf('@')
  const [first] = new Intl.Segmenter('und', { granularity: 'grapheme' }).segment(address.slice(0, Math.max(at, 0)))
  return `${first?.segment ?? ''}…${at < 0 ? '' : address.slice(at)}`
}
