/*
 * Password hashes that other implementations have made: `hashlib` and `crypt` of Python 3.11, and, for argon2, the tests of its reference
 * implementation. Their costs are low, so that tests are fast.
 */

export const foreignPassword = 'correct horse battery staple'

const salt = 'MDEyMzQ1Njc4OWFiY2RlZg'

export const foreignHashes: Readonly<Record<string, { readonly hash: string; readonly password: string }>> = {
  'bcrypt $2a$': {
    hash: '$2a$05$abcdefghijklmnopqrstuuFiPhXf1sVd3pCCRO.uVh34H/qI/ZsuS',
    password: foreignPassword,
  },
  'bcrypt $2b$': {
    hash: '$2b$05$abcdefghijklmnopqrstuuFiPhXf1sVd3pCCRO.uVh34H/qI/ZsuS',
    password: foreignPassword,
  },
  'bcrypt $2y$': {
    hash: '$2y$06$CCCCCCCCCCCCCCCCCCCCC.ZHSU1Zol423vbNCyFYW5slEOkVjKjGC',
    password: 'pässwörd äöü ﬁ',
  },
  scrypt: {
    hash: `$scrypt$ln=10,r=8,p=1$${salt}$7AnzIswxwEinpwz+ntydndYfVHPvOACmX9Vvo8hO1qM`,
    password: foreignPassword,
  },
  'PBKDF2 in PHC form': {
    hash: `$pbkdf2-sha256$i=1000,l=32$${salt}$yqSq2SygY1sB4EcH9f2FG0JTMES+wqLsOT5YmiRBplI`,
    password: foreignPassword,
  },
  'PBKDF2 of passlib': {
    hash: `$pbkdf2-sha512$1000$${salt}$5bTW2oeyDJyGJPcmEr.mRDE11ghpozWrDGnSNhRXo2ZCu0KHRDiUMAVEGzLJC.oDhRoeIja9J1iLIv9ptDJMfQ`,
    password: foreignPassword,
  },
  'PBKDF2 of Django': {
    hash: 'pbkdf2_sha256$1000$seasalt123456$XiYOYYvI7MUoC1luBcIVTWxEr+5qoDIcsieG420mvkc=',
    password: foreignPassword,
  },
  argon2id: {
    hash: '$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4',
    password: 'password',
  },
  'argon2i of version 16': {
    hash: '$argon2i$m=256,t=2,p=1$c29tZXNhbHQ$/U3YPXYsSb3q9XxHvc0MLxur+GP960kN9j7emXX8zwY',
    password: 'password',
  },
}

/** Typed with a ligature and a decomposed letter, which normalisation changes, and hashed as typed. */
export const unnormalized = {
  hash: `$pbkdf2-sha256$i=1000,l=32$${salt}$dmiexs56IZnq5c6Jm8rtearFiMUkW417bVMcvr+9TzM`,
  password: 'ﬁne pa\u0308ssword №1',
}
/** The same password, hashed after NFKC. */
export const normalized = {
  hash: `$pbkdf2-sha256$i=1000,l=32$${salt}$yzWGx+aI3wBIGtpl0JxqFdloaXUeciNnnIlvnBQR4X0`,
  password: unnormalized.password,
}

/** Credentials of a realm export. Keycloak derives 64 bytes. */
export const keycloakCredentials = {
  'pbkdf2-sha256': keycloakCredential(
    { hashIterations: 1000, algorithm: 'pbkdf2-sha256', additionalParameters: {} },
    'yqSq2SygY1sB4EcH9f2FG0JTMES+wqLsOT5YmiRBplLYbawB4lwjdPCI3Ns1d3pRT9/+PGa1sFXN8qwjZx9S8g==',
  ),
  'pbkdf2-sha512': keycloakCredential(
    { hashIterations: 1000, algorithm: 'pbkdf2-sha512', additionalParameters: {} },
    '5bTW2oeyDJyGJPcmEr+mRDE11ghpozWrDGnSNhRXo2ZCu0KHRDiUMAVEGzLJC+oDhRoeIja9J1iLIv9ptDJMfQ==',
  ),
  pbkdf2: keycloakCredential(
    { hashIterations: 1000, algorithm: 'pbkdf2', additionalParameters: {} },
    'wmIXv0mv7iouqkc9CKjRvCX21ppxie1kqc0WMgmDj0o+97VK8UW9s9Quxr8AjR3iqH5sGSrNnbDLUPu+/v6crg==',
  ),
  argon2: keycloakCredential(
    {
      hashIterations: 2,
      algorithm: 'argon2',
      additionalParameters: {
        ...{ hashLength: ['32'], memory: ['256'], type: ['id'], version: ['1.3'], parallelism: ['1'] },
      },
    },
    'nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4=',
    'c29tZXNhbHQ=',
  ),
}

function keycloakCredential(data: unknown, value: string, salt64 = `${salt}==`) {
  const secretData = JSON.stringify({ value, salt: salt64, additionalParameters: {} })
  return { type: 'password', createdDate: 1_700_000_000_000, secretData, credentialData: JSON.stringify(data) }
}
