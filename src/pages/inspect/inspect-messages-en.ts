/** What the token inspector says, in English. A sentence with a place such as `{kid}` is filled by the script of the page. */
export const englishInspectMessages = {
  inspect: {
    title: 'Token inspector',
    lead: 'Paste a token to see what it says, and whether this issuer signed it.',
    contents: 'On this page',
    look: 'Look at a token',
    noScript:
      'This page reads tokens with a script in your browser, and scripts are off. In a terminal, with the token in the variable TOKEN, this command shows what the token says, and checks nothing:',
    token: 'Token',
    stays:
      'It stays in this browser. Nothing of it is sent, stored or put into the address; only the public keys of this issuer are fetched.',
    example: 'Show me an example',
    clear: 'Clear',
    colours: 'The token in its parts',
    header: 'Header',
    payload: 'Payload',
    signature: 'Signature',
    headerLead: 'How it is signed.',
    payloadLead: 'What it says. Anybody who holds the token can read this: it is encoded, not encrypted.',
    signatureLead:
      'The proof of header and payload, which only the signing key can make. {count} bytes, shown as hexadecimal digits.',
    notShown: 'This part cannot be read. What is wrong with it stands above.',
    noDate: 'not a time that a calendar has',
    exampleTold:
      'This is an example. Its signature is 64 random bytes, and its contents are made up, the name of this issuer too: anybody can write that into a token.',
  },
  inspectVerdicts: {
    genuine: 'Signed by this issuer, and good now',
    expired: 'Signed by this issuer, but expired',
    early: 'Signed by this issuer, but not good yet',
    faulty: 'Signed by this issuer, but with a fault',
    forged: 'Not to be trusted',
    elsewhere: 'Not from this issuer',
    unchecked: 'The signature was not checked',
    notJwt: 'Not a JWT',
    unreadable: 'A JWT that cannot be read',
    encrypted: 'Encrypted',
    tooLong: 'Too long',
  },
  inspectFindings: {
    good: 'Good:',
    bad: 'Wrong:',
    note: 'Note:',
    bearerTaken: 'The word {word} in front was taken off: it belongs to the Authorization header, not to the token.',
    quotesTaken: 'Quotation marks around it were taken off.',
    spaceTaken: 'White space and line breaks were taken out.',
    tooLong:
      'This text has {count} characters, and at most {most} are read here. So long a token would not fit into the headers of a request either.',
    jsonPasted:
      'This is JSON, perhaps the answer of a token endpoint. Paste only the value of access_token or id_token.',
    refreshToken:
      'It looks like a refresh token of Signet: 91 characters without a dot. There is nothing in it to read; only the issuer knows what it stands for. Keep it as secret as a password.',
    codeLike:
      'It looks like an authorization code or a client secret of Signet: 43 characters without a dot. There is nothing in it to read; only the issuer knows what it stands for. Keep it as secret as a password.',
    opaque:
      'It has one part, and a JWT has three with dots between them. Perhaps it is an opaque token: like a cloakroom ticket it means something only to whoever issued it. The refresh tokens and codes of Signet are such.',
    cutOff: 'It begins like a JWT, but has {count} of three parts. The rest was not copied along.',
    parts: 'It has {count} parts. A signed JWT has three with dots between them, an encrypted one five.',
    jwe: 'It has five parts, so it is encrypted (JWE): only whoever has the key can read the contents. The header is open. This issuer does not encrypt tokens.',
    emptyPart: '{part}: it is empty.',
    padding:
      '{part}: it has “=” at the end. A JWT is base64url without padding (RFC 7515 §2), and verifiers refuse it otherwise.',
    plainBase64:
      '{part}: it has “+” or “/”. That is base64; a JWT is base64url, which has “-” and “_” in their place (RFC 7515 §2).',
    illegal: '{part}: character {place} is {character}, which base64url does not have.',
    length: '{part}: with {count} characters it cannot be base64url. One is missing or was added.',
    spelling:
      '{part}: the last character is not the one that an encoder writes. The bytes are the same, but strict verifiers refuse it.',
    notUtf8: '{part}: the bytes are not UTF-8 text.',
    notJson: '{part}: this is not JSON.',
    notObject: '{part}: this is JSON, but not an object in braces.',
    twice:
      '{part}: {name} stands there twice. Programs differ in which they take; the last is explained here. Strict verifiers refuse the token.',
    proto:
      '{part}: there is a member named __proto__, which no honest issuer writes. It can change objects in careless programs.',
    invisible:
      '{part}: there are characters that cannot be seen or that turn the direction of the text. They are written as \\u and a number here.',
    algNone: 'alg is “none”: nobody signed this, and anybody can write such a token. Every verifier must refuse it.',
    algSymmetric:
      '{alg} is symmetric: one secret signs and checks. The public keys of this issuer cannot check it, and this issuer never signs this way. Why is told below, at “Why no shared secret?”.',
    algOther: '{alg} is not an algorithm of this issuer. It signs with ES256 and RS256.',
    algMissing: 'The header does not name an algorithm (alg), so nothing can be checked.',
    crit: 'The header demands that {names} be understood (crit). This issuer never demands anything; a verifier that does not know what is named must refuse the token.',
    noCrypto:
      'This browser does not offer cryptography (WebCrypto) on this page: it does so only over https and on localhost. So the signature was not checked.',
    noKeys: 'The public keys could not be fetched, so the signature was not checked. Try again in a moment.',
    kidUnknown:
      'No key of this issuer is called {kid}. Either that key has been retired, or somebody else signed this and put the name of this issuer into it.',
    kidElsewhere:
      'No key of this issuer is called {kid}. The token says that it is from {iss}: look for the key in the JWK Set that is named there. This page asks no other server.',
    kidMissing: 'The header does not name a key (kid). This issuer always names it.',
    algMismatch: 'The key {kid} is for {expected}, and the token says {alg}.',
    signatureLength:
      'An ES256 signature has 64 bytes, and this has {count}. It was cut off, or it was written in another form (DER).',
    signatureWrong:
      'The signature does not fit. Header or payload were changed on the way, or another key signed this.',
    signatureFits: 'The signature fits the key {kid}: this issuer signed exactly these words.',
    issOther: 'iss is {iss}, and this issuer is {issuer}. They are compared to the letter.',
    issMissing: 'It does not say who issued it (iss).',
    issOurs: 'iss names this issuer, to the letter.',
    expMissing: 'It does not say when it expires (exp). A verifier should refuse it.',
    notATime: '{name} is not a number. It must be the seconds since 1970, without quotation marks.',
    milliseconds: '{name} lies thousands of years ahead. Perhaps somebody wrote milliseconds; seconds are meant.',
    expired: 'It expired {when}.',
    expGood: 'It expires {when}.',
    notYet: 'It is not good before its nbf, {when}.',
    issuedAhead: 'It was issued {when}, by the clock of this device. One of the two clocks is wrong.',
    accessToken:
      'It is an access token for {aud}. It is sent there as “Authorization: Bearer”, and no other service should accept it.',
    idToken:
      'It is an ID token. It tells the application {aud} who has signed in. No service should accept it as an access token.',
    logoutToken: 'It is a logout token: it tells the application {aud} that somebody has signed out.',
    otherKind:
      'Its header calls it {typ}: neither an access token nor an ID token. Accept it only where that is expected.',
    manyAudiences: 'It is for several at once: each of them can present it to the others. This issuer names one.',
    bound:
      'It is bound to a key (cnf): whoever presents it must prove to have that key. As a plain Bearer token it is to be refused.',
    unproven: 'What it says is not proven: as long as no signature speaks for it, anybody can have written it.',
    notAsked: 'Whether it was called back in the meantime is not asked here; the introspection endpoint knows.',
  },
  inspectClaims: {
    unknown: 'Not one of the standards’ names that this page knows: most likely the issuer’s own.',
    typ: 'What kind of token it is. “at+jwt” is an access token, so that no other kind passes for one.',
    alg: 'The algorithm of the signature. A verifier decides for itself which it accepts, and does not follow this.',
    kid: 'Which key of the issuer signed it: its name in the JWK Set.',
    cty: 'What the content is, where it is not a set of claims.',
    crit: 'Extensions that a verifier must understand, or refuse the token.',
    b64: 'Whether the payload is encoded. False is rare, and needs crit.',
    jku: 'An address where the key is said to lie. Never to be followed unless it is known already.',
    jwk: 'A key that the token brings along. Never to be trusted: a forger brings his own.',
    x5u: 'An address where a certificate is said to lie. Never to be followed unless it is known already.',
    x5c: 'Certificates that the token brings along. Worth only what their own signatures are worth.',
    x5t: 'A digest of the certificate, by SHA-1.',
    'x5t#S256': 'A digest of the certificate, by SHA-256.',
    enc: 'How the content is encrypted.',
    zip: 'How the content was compressed before it was encrypted.',
    epk: 'A public key that was made for this token alone, to agree on a secret.',
    iss: 'Issuer: who made the token. Must be, to the letter, the issuer that you trust.',
    sub: 'Subject: whom it is about. A person has one that never changes; a program that acts for itself has its client_id.',
    aud: 'Audience: whom it is for. Whoever does not find itself here must refuse it.',
    exp: 'Expires: not to be accepted from this moment on.',
    nbf: 'Not before: not to be accepted before this moment.',
    iat: 'Issued at: when it was made.',
    jti: 'The number of this one token. No other has the same.',
    client_id: 'The application that the token was given to.',
    scope: 'What it allows, in words with spaces between.',
    auth_time: 'When the person last proved who they are. It can be long before the token was made.',
    acr: 'How surely the person was recognised, as a class that the issuer names.',
    amr: 'By what the person was recognised: “pwd” is a password.',
    sid: 'The session at the issuer. It is named when the person signs out.',
    nonce: 'A value of the application, back unchanged. It ties the token to the request that asked for it.',
    azp: 'The application that the token was issued to, where that is not plain from aud.',
    at_hash: 'Half a digest of the access token that came along, so that it cannot be exchanged.',
    c_hash: 'Half a digest of the code that came along, so that it cannot be exchanged.',
    s_hash: 'Half a digest of the state that came along, so that it cannot be exchanged.',
    grant_id:
      'Signet’s own: the one permission that this token hangs on. When it ends, the token is no longer good for the issuer.',
    status: 'Where to look whether the token was called back, and under which number.',
    cnf: 'A key that whoever presents the token must prove to have.',
    act: 'Who acts on behalf of the subject.',
    may_act: 'Who may act on behalf of the subject.',
    events: 'What has happened: a notice, not a permission.',
    authorization_details: 'What it allows, in more detail than scope can say.',
    roles: 'The roles of the person.',
    groups: 'The groups that the person belongs to.',
    entitlements: 'What the person is entitled to.',
    name: 'The full name.',
    given_name: 'Given names.',
    family_name: 'Family names.',
    middle_name: 'Middle names.',
    nickname: 'What the person likes to be called.',
    preferred_username:
      'The user name. It can change and be taken by somebody else: never a key for an account, sub is.',
    profile: 'The address of a page about the person.',
    picture: 'The address of a picture.',
    website: 'The person’s own site.',
    email: 'The e-mail address. It can change: sub is what identifies.',
    email_verified: 'Whether the issuer has seen that the address is the person’s.',
    gender: 'The gender, as the person says it.',
    birthdate: 'The date of birth.',
    zoneinfo: 'The time zone.',
    locale: 'The language.',
    phone_number: 'The telephone number.',
    phone_number_verified: 'Whether the issuer has seen that the number is the person’s.',
    address: 'The postal address.',
    updated_at: 'When the person’s data last changed.',
  },
  sharedSecret: {
    title: 'Why no shared secret?',
    what: 'With HS256 the issuer and every service share one secret, and the same computation signs and checks. So whoever can check a token can also make one, and nobody can tell afterwards who did.',
    instead:
      'With ES256 and RS256 the issuer signs with a private key and publishes another that only checks. This issuer signs in no other way.',
    tryIt: 'Try it. The secret and the keys are made and kept in this page.',
    payload: 'What the token says',
    secret: 'The shared secret',
    sign: 'Sign and check',
    symmetric: 'One shared secret',
    asymmetric: 'A pair of keys',
    issuerSigns: 'The issuer signs',
    withSecret: 'with the secret:',
    withPrivateKey: 'with its private key:',
    apiChecks: 'The service checks',
    bySecret: 'with the same secret. It had to be given it.',
    byPublicKey: 'with the public key. It was given nothing else:',
    accepted: 'Accepted',
    refused: 'Refused',
    youAreNow: 'Now you are that service, which only wanted to check.',
    mint: 'Make a token with admin: true',
    mintedBySecret: 'You signed this with the secret that you were given for checking:',
    mintedAccepted: 'Every service that shares the secret accepts it. It cannot be told from a token of the issuer.',
    cannotSign: 'You tried to sign with the public key. The browser refuses ({error}): a public key only checks.',
    mintedByOwnKey: 'So you signed with a key of your own:',
    mintedRefused:
      'It does not fit the public key of the issuer. Only who has the private key can make a token that does.',
    told: '{one}: {first}. {other}: {second}.',
    noCrypto:
      'This browser does not offer cryptography (WebCrypto) on this page: it does so only over https and on localhost. So there is nothing to try here.',
    payloadInvalid: 'What the token says must be a JSON object, such as {example}.',
    secretMissing: 'Please enter a secret.',
    secretShort:
      'This secret has {count} bytes. RFC 7518 §3.2 demands 32 at least: a shorter one can be guessed from a single token, without asking anybody.',
  },
} as const

/** Every language has exactly the keys of English. */
export type InspectMessages = {
  readonly [Section in keyof typeof englishInspectMessages]: {
    readonly [Key in keyof (typeof englishInspectMessages)[Section]]: string
  }
}
