import { generateKeyPairSync, sign } from 'node:crypto'

/** A self-signed certificate with its key, by default for `localhost` (RFC 5280 §4.1; encoded by hand because Node cannot create one). */
export function selfSigned({
  name = 'localhost',
  validFrom = Date.now() - 86_400_000,
  validTo = Date.now() + 86_400_000,
  kind = 'ec',
}: {
  name?: string
  kind?: 'ec' | 'rsa'
  validFrom?: number
  validTo?: number
}): { cert: string; key: string } {
  const { publicKey, privateKey } =
    kind === 'ec'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: 2048 })
  const algorithm =
    kind === 'ec'
      ? // ecdsa-with-SHA256, 1.2.840.10045.4.3.2
        der(0x30, der(0x06, Buffer.from('2a8648ce3d040302', 'hex')))
      : // sha256WithRSAEncryption, 1.2.840.113549.1.1.11, with NULL as its parameters
        der(0x30, der(0x06, Buffer.from('2a864886f70d01010b', 'hex')), der(0x05))
  const commonName = der(0x30, der(0x06, Buffer.from('550403', 'hex')), der(0x0c, Buffer.from(name)))
  const distinguishedName = der(0x30, der(0x31, commonName))
  const alternativeNames = der(0x30, der(0x82, Buffer.from(name)))
  const extension = der(0x30, der(0x06, Buffer.from('551d11', 'hex')), der(0x04, alternativeNames))
  const toBeSigned = der(
    0x30,
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([1])),
    algorithm,
    distinguishedName,
    der(0x30, time(validFrom), time(validTo)),
    distinguishedName,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, der(0x30, extension)),
  )
  const signature = der(0x03, Buffer.from([0]), sign('sha256', toBeSigned, privateKey))
  const body = der(0x30, toBeSigned, algorithm, signature).toString('base64')
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n`,
    key: String(privateKey.export({ type: 'pkcs8', format: 'pem' })),
  }
}

/** A tag, a length and the contents (X.690 §8.1). */
function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  const { length } = content
  const octets = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...octets]), content])
}

/** GeneralizedTime: 20261122094500Z */
function time(moment: number): Buffer {
  return der(0x18, Buffer.from(`${new Date(moment).toISOString().replace(/\D/g, '').slice(0, 14)}Z`))
}
