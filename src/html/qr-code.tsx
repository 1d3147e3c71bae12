/** A QR code as squares of one unit, with a margin of four (ISO/IEC 18004 §9.1). */
export interface QrCode {
  /** Width and height, in units. */
  readonly size: number
  /** The dark squares, as an SVG path. */
  readonly path: string
}

/** Reads a text into a QR code. The encoder is loaded when it is first needed. */
export async function qrCodeOf(text: string): Promise<QrCode> {
  const { encode } = await import('uqr')
  const { size, data } = encode(text, { ecc: 'M', border: 4 })
  // One rectangle for each run of dark squares in a row.
  const rows = data.map((row, y) =>
    [
      ...row
        .map((dark) => (dark ? '1' : '0'))
        .join('')
        .matchAll(/1+/g),
    ]
      .map(({ 0: run, index }) => `M${index} ${y}h${run.length}v1h-${run.length}z`)
      .join(''),
  )
  return { size, path: rows.join('') }
}

/**
 * A QR code as an inline SVG, which the Content-Security-Policy allows because it needs no style. It is dark on light in every colour scheme: many apps cannot
 * read the opposite.
 *
 * @param label what it contains, for people who cannot see it
 */
export function QrCodeImage({ code: { size, path }, label }: { readonly code: QrCode; readonly label: string }) {
  return (
    <svg class="qr" viewBox={`0 0 ${size} ${size}`} role="img" aria-label={label} shape-rendering="crispEdges">
      <rect width={size} height={size} fill="#fff" />
      <path d={path} fill="#000" />
    </svg>
  )
}
