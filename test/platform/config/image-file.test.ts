import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { ImageFileFault, maxImageBytes, readImageFile } from '../../../src/platform/config/image-file.ts'

const folder = mkdtempSync(join(tmpdir(), 'signet-images-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))
const svg = (body = '') =>
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8">${body}<path d="M0 0h8v8z"/></svg>`

function fileWith(content: string | Buffer, name = 'logo.png'): string {
  const path = join(mkdtempSync(join(folder, 'one-')), name)
  writeFileSync(path, content)
  return path
}

/** Why the file is refused; undefined if it is read. */
async function faultOf(path: string): Promise<string | undefined> {
  try {
    await readImageFile(path)
    return undefined
  } catch (error) {
    if (error instanceof ImageFileFault) return error.message
    throw error
  }
}

t.test('a file that is not a picture is refused, whatever its name, and nothing of it is repeated', async (t) => {
  const key = '-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEG\n-----END PRIVATE KEY-----\n'
  const hostile = {
    'HTML named .png': '<!doctype html><script>alert(1)</script>',
    'HTML with a drawing in it': `<html><body>${svg()}</body></html>`,
    'text before the drawing': `alert(1);${svg()}`,
    'a document type and no drawing': '<!DOCTYPE html [<!ENTITY x "y">]><html></html>',
    'a key': key,
    'an empty file': '',
    'a GIF': 'GIF89a\x01\x00\x01\x00',
    'a RIFF file with sound': 'RIFF\x24\x00\x00\x00WAVE',
    'bytes that are not UTF-8': Buffer.from([0x3c, 0x73, 0x76, 0x67, 0xff, 0xfe]),
    'a million unfinished comments': '<!--'.repeat(60_000),
  }
  for (const [what, content] of Object.entries(hostile))
    t.equal(await faultOf(fileWith(content)), 'it is not a PNG, JPEG, WebP or SVG file', what)
  const link = join(folder, 'link.png')
  symlinkSync(fileWith(key, 'private.pem'), link)
  t.equal(await faultOf(link), 'it is not a PNG, JPEG, WebP or SVG file', 'a symbolic link to a key')
})

t.test(
  'what is not a file, or too large, is refused without being read',
  { skip: process.platform === 'win32' },
  async (t) => {
    const fifo = join(folder, 'fifo.png')
    execFileSync('mkfifo', [fifo])
    t.equal(await faultOf(fifo), 'it is not a file', 'a FIFO without a writer is not waited for')
    mkdirSync(join(folder, 'directory.png'))
    t.equal(await faultOf(join(folder, 'directory.png')), 'it is not a file')
    t.equal(await faultOf('/dev/zero'), 'it is not a file')
    t.equal(await faultOf(join(folder, 'none.png')), 'it cannot be read (ENOENT)')
    const huge = fileWith('\x89PNG\r\n\x1a\n')
    truncateSync(huge, 100 * 1024 ** 3)
    t.equal(await faultOf(huge), 'it is larger than 256 KB')
    truncateSync(huge, maxImageBytes + 1)
    t.equal(await faultOf(huge), 'it is larger than 256 KB')
  },
)

t.test('a drawing that contains a script, an event handler or HTML is refused', async (t) => {
  for (const body of [
    '<script>alert(1)</script>',
    '<s:script xmlns:s="http://www.w3.org/2000/svg">alert(1)</s:script>',
    '<SCRIPT/>',
    '<g onload="alert(1)"/>',
    '<g\nONCLICK = "alert(1)"/>',
    '<foreignObject><p>x</p></foreignObject>',
    '<a href="javascript:alert(1)"/>',
  ])
    t.match(await faultOf(fileWith(svg(body))), /^it is SVG that contains ".{1,20}"; export it without scripts/, body)
  t.match(await faultOf(fileWith('<svg viewBox="0 0 8 8"/>')), 'without xmlns')
})

t.test('pictures are recognized by their bytes', async (t) => {
  const pictures: [content: string | Buffer, contentType: string][] = [
    [Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'), 'image/png'],
    [Buffer.from('ffd8ffe000104a464946', 'hex'), 'image/jpeg'],
    [Buffer.from('RIFF\x24\x00\x00\x00WEBPVP8 ', 'latin1'), 'image/webp'],
    [svg(), 'image/svg+xml'],
    [`\ufeff<?xml version="1.0"?>\n<!-- Made by hand > -->\n${svg()}`, 'image/svg+xml'],
    [
      `<?xml version="1.0"?><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "x.dtd" [<!ENTITY ns "y">]>${svg()}`,
      'image/svg+xml',
    ],
    [svg('<style>.a{fill:red}</style><!-- on the left = red -->'), 'image/svg+xml'],
  ]
  for (const [content, contentType] of pictures) {
    const image = await readImageFile(fileWith(content, 'logo'))
    t.equal(image.contentType, contentType)
    t.same(image.bytes, Buffer.from(content))
  }
  const link = join(folder, 'mounted')
  symlinkSync(fileWith(svg()), link)
  t.equal((await readImageFile(link)).contentType, 'image/svg+xml', 'Kubernetes mounts files as links')
})
