/** Why a picture cannot be used. `unavailable`: the part of sharp for this machine, an optional dependency, is not installed. */
export type PictureFault = 'unknown_format' | 'too_many_pixels' | 'broken' | 'unavailable'

/** The maximum number of pixels: more than the cameras of phones normally store, and about 100 MB while a PNG or WebP of this size is decoded. */
export const maxPixels = 25_000_000

/** Seconds after which decoding is given up. A picture of the maximum size takes about one. */
const timeout = 10

/**
 * Makes a square WebP picture from a PNG, JPEG or WebP picture, turned upright. Nothing of the given bytes is kept but what can be seen, so
 * neither the place where it was taken nor a program that is hidden in it. Of several pictures in one (an animation) it is the first.
 *
 * The work is done in threads of libuv, outside the event loop.
 *
 * @param size its width and height, in pixels
 * @param fit what happens to a picture that is not square: `cover` keeps the middle of it, `contain` all of it, between transparent borders
 * @param load loads the library; tests make it fail
 */
export async function squarePicture(
  bytes: Buffer,
  size: number,
  fit: 'cover' | 'contain',
  load = () => import('sharp'),
): Promise<Buffer | PictureFault> {
  if (!isKnownFormat(bytes)) return 'unknown_format'
  const sharp = await loadSharp(load)
  if (sharp === undefined) return 'unavailable'
  const options = { failOn: 'error', limitInputPixels: maxPixels, animated: false } as const
  try {
    const { width, height } = await sharp(bytes, { ...options, limitInputPixels: false }).metadata()
    // Before anything is decoded: a few bytes can stand for any number of pixels.
    if (width * height > maxPixels) return 'too_many_pixels'
    return await sharp(bytes, options)
      .timeout({ seconds: timeout })
      .autoOrient()
      .resize(size, size, { fit, background: { r: 0, g: 0, b: 0, alpha: 0 } })
      .webp({ quality: 85 })
      .toBuffer()
  } catch {
    // The message would be about the internals of the file, which the person cannot change.
    return 'broken'
  }
}

/**
 * By the first bytes, whatever the file is called: PNG (third edition) §5.2; JPEG: ITU-T T.81 §B.1.1.3, SOI and the next marker; WebP: RFC 9649 §2.4. The decoders
 * for other formats, such as SVG, never see a byte.
 */
function isKnownFormat(bytes: Buffer): boolean {
  const startsWith = (text: string, at = 0) => bytes.toString('latin1', at, at + text.length) === text
  return startsWith('\x89PNG\r\n\x1a\n') || startsWith('\xff\xd8\xff') || (startsWith('RIFF') && startsWith('WEBP', 8))
}

/** Loaded when the first picture comes, because it takes longer than the rest of a start. */
async function loadSharp(load: () => Promise<typeof import('sharp')>) {
  const loaded = await load().catch(() => undefined)
  if (loaded === undefined) return undefined
  const { default: sharp } = loaded
  sharp.block({ operation: ['VipsForeignLoad'] })
  sharp.unblock({
    operation: ['VipsForeignLoadPngBuffer', 'VipsForeignLoadJpegBuffer', 'VipsForeignLoadWebpBuffer'],
  })
  // No picture is decoded twice. One thread for each leaves the others to passwords.
  sharp.cache(false)
  sharp.concurrency(1)
  return sharp
}
