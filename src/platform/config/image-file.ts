import { constants } from 'node:fs'
import { open } from 'node:fs/promises'

/** A picture that browsers show, recognized by its content. */
export interface ImageFile {
  readonly bytes: Buffer
  readonly contentType: 'image/png' | 'image/jpeg' | 'image/webp' | 'image/svg+xml'
  readonly extension: 'png' | 'jpg' | 'webp' | 'svg'
}

/** The file cannot be used. The message says why, as the end of a sentence, and contains nothing of the file's content. */
export class ImageFileFault extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'ImageFileFault'
  }
}

/** In bytes. The picture is loaded with the first page that a person sees, often on a phone. */
export const maxImageBytes = 256 * 1024

/**
 * Reads a picture. Its type is decided by its bytes, never by its name. Symbolic links are followed, because Kubernetes mounts files as
 * links. A link to a file that is not a picture, such as a key, is refused like any other file.
 *
 * @throws ImageFileFault
 */
export async function readImageFile(path: string): Promise<ImageFile> {
  // Opening a FIFO without O_NONBLOCK waits for a writer.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(cannotBeRead)
  try {
    const stats = await file.stat()
    if (!stats.isFile()) throw new ImageFileFault('it is not a file')
    if (stats.size > maxImageBytes) throw new ImageFileFault(`it is larger than ${maxImageBytes / 1024} KB`)
    // The file may grow between these two lines.
    const { buffer, bytesRead } = await file.read(Buffer.alloc(maxImageBytes + 1), 0, maxImageBytes + 1, 0)
    if (bytesRead > maxImageBytes) throw new ImageFileFault(`it is larger than ${maxImageBytes / 1024} KB`)
    return imageOf(Buffer.from(buffer.subarray(0, bytesRead)))
  } catch (error) {
    if (error instanceof ImageFileFault) throw error
    return cannotBeRead(error)
  } finally {
    await file.close()
  }
}

function cannotBeRead(error: unknown): never {
  throw new ImageFileFault(`it cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`)
}

function imageOf(bytes: Buffer): ImageFile {
  const startsWith = (text: string, at = 0) => bytes.toString('latin1', at, at + text.length) === text
  // PNG (third edition) §5.2; JPEG: ITU-T T.81 §B.1.1.3, SOI and the next marker; WebP: RFC 9649 §2.4.
  if (startsWith('\x89PNG\r\n\x1a\n')) return { bytes, contentType: 'image/png', extension: 'png' }
  if (startsWith('\xff\xd8\xff')) return { bytes, contentType: 'image/jpeg', extension: 'jpg' }
  if (startsWith('RIFF') && startsWith('WEBP', 8)) return { bytes, contentType: 'image/webp', extension: 'webp' }
  const fault = svgFault(bytes)
  if (fault) throw new ImageFileFault(fault)
  return { bytes, contentType: 'image/svg+xml', extension: 'svg' }
}

/**
 * Why these bytes are not a drawing in SVG without scripts; undefined if they are. What keeps a script from running is the policy with
 * which the file is served (pages/brand/brand-endpoint.ts). This check only tells the operator early.
 */
function svgFault(bytes: Buffer): string | undefined {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return notAnImage
  }
  // The prolog (XML 1.0 §2.8). Adobe Illustrator writes a document type with an internal subset.
  const [prolog = ''] = /^(?:\s+|<\?[^>]*\?>|<!--[\s\S]*?-->|<!DOCTYPE\s[^>[]*(?:\[[^\]]*\]\s*)?>)*/.exec(text) ?? []
  if (!/^<svg[\s>/]/.test(text.slice(prolog.length))) return notAnImage
  if (!text.includes('http://www.w3.org/2000/svg'))
    return 'it is SVG without xmlns="http://www.w3.org/2000/svg", which browsers do not show'
  const active = /<(?:[\w-]+:)?(script|foreignObject)\b/i.exec(text)?.[1] ?? /\s(on[a-z]+)\s*=/i.exec(text)?.[1]
  if (active) return `it is SVG that contains "${active.slice(0, 20)}"; export it without scripts and HTML`
  if (/javascript:/i.test(text)) return 'it is SVG that contains "javascript:"; export it without scripts and HTML'
  return undefined
}

const notAnImage = 'it is not a PNG, JPEG, WebP or SVG file'
