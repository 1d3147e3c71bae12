/** The texts of the token inspector in English. The script of the page fills in placeholders such as `{kid}`. */
export const englishInspectMessages = {
  inspect: {
    title: 'Token inspector',
    lead: 'Paste a token to see what it says, and whether this issuer signed it.',
    contents: 'On this page',
    look: 'Inspect a token',
    noScript:
      'This page needs scripts to read tokens, and they are turned off. To decode a token in a terminal, put it into the variable TOKEN and run this command, which checks nothing:',
    token: 'Token',
    stays:
      'The token stays in this browser. It is not sent, stored or put into the address; only the public keys of this issuer are fetched.',
    example: 'Show example',
    clear: 'Clear',
    colours: 'The parts of the token',
    header: 'Header',
    payload: 'Payload',
    signature: 'Signature',
    headerLead: 'How the token is signed.',
    payloadLead: 'What the token says. Anyone who has the token can read this: it is encoded, not encrypted.',
    signatureLead:
      'Proves that header and payload are unchanged. Only the signing key can create it. {count} bytes, in hexadecimal.',
    notShown: 'This part cannot be read. The reason is shown above.',
    noDate: '(not a valid date)',
    exampleTold:
      'This is an example. Its signature is 64 random bytes, and its contents are made up. It names this issuer, but anyone can write that into a token.',
  },
  inspectVerdicts: {
    genuine: 'Signed by this issuer and currently valid',
    expired: 'Signed by this issuer, but expired',
    early: 'Signed by this issuer, but not valid yet',
    faulty: 'Signed by this issuer, but faulty',
    forged: 'Do not trust this token',
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
    bearerTaken: 'The word {word} at the start was removed: it belongs to the Authorization header, not to the token.',
    quotesTaken: 'Quotation marks around the token were removed.',
    spaceTaken: 'White space and line breaks were removed.',
    tooLong:
      'This text has {count} characters; at most {most} are read here. A token this long would not fit into the headers of a request either.',
    jsonPasted:
      'This is JSON, perhaps the response of a token endpoint. Paste only the value of access_token or id_token.',
    refreshToken:
      'This looks like a refresh token from Signet: 91 characters without a dot. There is nothing in it to read; only the issuer knows what it stands for. Keep it as secret as a password.',
    codeLike:
      'This looks like an authorization code or a client secret from Signet: 43 characters without a dot. There is nothing in it to read; only the issuer knows what it stands for. Keep it as secret as a password.',
    opaque:
      'This has one part; a JWT has three, separated by dots. It may be an opaque token: like a cloakroom ticket, it means something only to its issuer. Signet’s refresh tokens and codes are opaque.',
    cutOff: 'This starts like a JWT but has {count} of three parts. The rest was not copied.',
    parts: 'This has {count} parts. A signed JWT has three, separated by dots; an encrypted one has five.',
    jwe: 'This has five parts, so it is encrypted (JWE): the contents can be read only with the key. The header is not encrypted. This issuer does not encrypt tokens.',
    emptyPart: '{part}: this part is empty.',
    padding:
      '{part}: it ends with “=”. A JWT is base64url without padding (RFC 7515 §2); verifiers reject it otherwise.',
    plainBase64:
      '{part}: it contains “+” or “/”. That is base64; a JWT is base64url, which has “-” and “_” instead (RFC 7515 §2).',
    illegal: '{part}: character {place} is {character}, which is not a base64url character.',
    length: '{part}: a base64url text cannot have {count} characters. One is missing, or there is one too many.',
    spelling:
      '{part}: the last character is not the one that an encoder writes. The bytes are the same, but strict verifiers reject it.',
    notUtf8: '{part}: the bytes are not UTF-8 text.',
    notJson: '{part}: this is not JSON.',
    notObject: '{part}: this is JSON, but not an object in braces.',
    twice:
      '{part}: {name} appears twice. Programs differ in which one they use; the last one is explained here. Strict verifiers reject the token.',
    proto:
      '{part}: it has a member named __proto__, which no honest issuer writes. It can change objects in careless programs.',
    invisible:
      '{part}: it contains characters that are invisible or that change the direction of the text. They are shown here as \\u and a number.',
    algNone:
      'alg is “none”: this token is not signed, and anyone can write one like it. Every verifier must reject it.',
    algSymmetric:
      '{alg} is symmetric: the same secret signs and verifies. The public keys of this issuer cannot verify it, and this issuer signs this way only ID tokens for applications that asked for it, with their own secret. For the reason, see “Why no shared secret?” below.',
    algOther: 'This issuer does not use the algorithm {alg}. It signs with ES256, RS256, PS256 and EdDSA.',
    algNotHere: 'This browser cannot verify {alg}, so the signature was not checked.',
    algMissing: 'The header does not name an algorithm (alg), so nothing can be checked.',
    crit: 'The header requires verifiers to understand {names} (crit). This issuer never requires anything; a verifier that does not understand what is named must reject the token.',
    noCrypto:
      'Cryptography (WebCrypto) is not available on this page: browsers offer it only over https and on localhost. So the signature was not checked.',
    noKeys: 'The public keys could not be fetched, so the signature was not checked. Try again in a moment.',
    kidUnknown:
      'This issuer has no key {kid}. Either that key has been retired, or someone else signed this token and put the name of this issuer into it.',
    kidElsewhere:
      'This issuer has no key {kid}. The token says that it is from {iss}: look for the key in the JWK Set of that issuer. This page contacts no other server.',
    kidMissing: 'The header does not name a key (kid). This issuer always names one.',
    algMismatch: 'Key {kid} is for {expected}, but the token says {alg}.',
    signatureLength:
      'An ES256 signature has 64 bytes; this one has {count}. It was cut off or is in another format (DER).',
    signatureWrong:
      'The signature is not valid. The header or the payload was changed after signing, or another key signed this token.',
    signatureFits: 'The signature is valid for key {kid}: this issuer signed exactly this content.',
    issOther: 'iss is {iss}, but this issuer is {issuer}. The two must match exactly.',
    issMissing: 'The token does not say who issued it (iss).',
    issOurs: 'iss is exactly this issuer.',
    expMissing: 'The token does not say when it expires (exp). A verifier should reject it.',
    notATime: '{name} is not a number. It must be seconds since 1970, without quotation marks.',
    milliseconds: '{name} is thousands of years in the future. It may be in milliseconds; it must be in seconds.',
    expired: 'It expired {when}.',
    expGood: 'It expires {when}.',
    notYet: 'It is not valid before its nbf, {when}.',
    issuedAhead: 'By the clock of this device, it was issued {when}. One of the two clocks is wrong.',
    accessToken:
      'This is an access token for {aud}. It is sent there as “Authorization: Bearer”, and no other service should accept it.',
    idToken:
      'This is an ID token. It tells the application {aud} who has signed in. No service should accept it as an access token.',
    logoutToken: 'This is a logout token. It tells the application {aud} that someone has signed out.',
    otherKind: 'Its typ is {typ}: neither an access token nor an ID token. Accept it only where that type is expected.',
    manyAudiences:
      'It has several audiences, and each of them can present it to the others. Tokens of this issuer have at most two: an API and the issuer.',
    bound:
      'It is bound to a key (cnf): anyone who presents it must prove that they have that key. It must be rejected as a plain Bearer token.',
    unproven: 'Nothing that it says is proven: without a valid signature, anyone could have written it.',
    notAsked: 'This page does not check whether the token has been revoked; the introspection endpoint does.',
  },
  inspectClaims: {
    unknown: 'Not a standard name that this page knows; probably one of the issuer’s own.',
    typ: 'The type of the token. “at+jwt” is an access token, so that no other type passes for one.',
    alg: 'The signature algorithm. A verifier decides for itself which ones it accepts, and does not rely on this.',
    kid: 'Which key of the issuer signed it: the key’s ID in the JWK Set.',
    cty: 'The type of the content, if it is not a set of claims.',
    crit: 'Extensions that a verifier must understand; otherwise it must reject the token.',
    b64: 'Whether the payload is encoded. False is rare, and requires crit.',
    jku: 'An address that is said to have the key. Never follow it unless you already know it.',
    jwk: 'A key that comes with the token. Never trust it: forgers send their own.',
    x5u: 'An address that is said to have a certificate. Never follow it unless you already know it.',
    x5c: 'Certificates that come with the token. They are worth only as much as the signatures on them.',
    x5t: 'The SHA-1 digest of the certificate.',
    'x5t#S256': 'The SHA-256 digest of the certificate.',
    enc: 'How the content is encrypted.',
    zip: 'How the content was compressed before it was encrypted.',
    epk: 'A public key made for this token only, to agree on a secret.',
    iss: 'Issuer: who issued the token. It must exactly match the issuer that you trust.',
    sub: 'Subject: whom the token is about. For a person it never changes; for a program that acts for itself it is the client_id.',
    aud: 'Audience: whom the token is for. A service that is not named here must reject it.',
    exp: 'Expiration time: from this moment on, the token must not be accepted.',
    nbf: 'Not before: until this moment, the token must not be accepted.',
    iat: 'Issued at: when the token was issued.',
    jti: 'The ID of this one token. No other token has the same.',
    client_id: 'The application that the token was issued to.',
    scope: 'What the token allows, as words separated by spaces.',
    auth_time: 'When the person last proved who they are. This can be long before the token was issued.',
    acr: 'How strongly the person was authenticated, as a class defined by the issuer.',
    amr: 'How the person was authenticated: “pwd” is a password.',
    sid: 'The session at the issuer. It is named when the person signs out.',
    nonce: 'A value from the application, returned unchanged. It ties the token to the request that asked for it.',
    azp: 'The application that the token was issued to, if aud does not make that clear.',
    at_hash: 'Half a digest of the access token that was issued with this one, so that it cannot be swapped.',
    c_hash: 'Half a digest of the code that was issued with this token, so that it cannot be swapped.',
    s_hash: 'Half a digest of the state that was returned with this token, so that it cannot be swapped.',
    grant_id:
      'A claim of Signet’s own: the grant that this token belongs to. When the grant ends, the issuer no longer accepts the token.',
    status: 'Where to look up whether the token was revoked, and under which number.',
    cnf: 'A key that anyone who presents the token must prove they have.',
    act: 'Who acts on behalf of the subject.',
    may_act: 'Who may act on behalf of the subject.',
    events: 'What has happened: a notice, not a permission.',
    authorization_details: 'What the token allows, in more detail than scope can express.',
    roles: 'The roles of the person.',
    groups: 'The groups that the person belongs to.',
    entitlements: 'What the person is entitled to.',
    name: 'The full name.',
    given_name: 'Given names.',
    family_name: 'Family names.',
    middle_name: 'Middle names.',
    nickname: 'What the person likes to be called.',
    preferred_username:
      'The user name. It can change, and someone else can take it: identify accounts by sub, never by this.',
    profile: 'The address of a page about the person.',
    picture: 'The address of a picture.',
    website: 'The person’s own website.',
    email: 'The e-mail address. It can change: identify accounts by sub.',
    email_verified: 'Whether the issuer has verified that the address belongs to the person.',
    gender: 'The gender, as the person states it.',
    birthdate: 'The date of birth.',
    zoneinfo: 'The time zone.',
    locale: 'The language.',
    phone_number: 'The phone number.',
    phone_number_verified: 'Whether the issuer has verified that the number belongs to the person.',
    address: 'The postal address.',
    updated_at: 'When the person’s data last changed.',
  },
  sharedSecret: {
    title: 'Why no shared secret?',
    what: 'With HS256, the issuer and every service share one secret, and the same computation signs and verifies. So anyone who can verify a token can also create one, and nobody can tell afterwards who did.',
    instead:
      'With ES256, RS256, PS256 and EdDSA, the issuer signs with a private key and publishes another key that can only verify. This issuer signs all access tokens in this way.',
    tryIt: 'Try it. The secret and the keys are created in this page and do not leave it.',
    payload: 'What the token says',
    secret: 'The shared secret',
    sign: 'Sign and verify',
    symmetric: 'One shared secret',
    asymmetric: 'A key pair',
    issuerSigns: 'The issuer signs',
    withSecret: 'with the secret:',
    withPrivateKey: 'with its private key:',
    apiChecks: 'The service verifies',
    bySecret: 'with the same secret, which it had to be given.',
    byPublicKey: 'with the public key, which is all that it was given:',
    accepted: 'Accepted',
    refused: 'Rejected',
    youAreNow: 'Now you are that service, which only wanted to verify.',
    mint: 'Create a token with admin:\u00a0true',
    mintedBySecret: 'You signed this with the secret that you were given for verifying:',
    mintedAccepted: 'Every service that shares the secret accepts it. It looks exactly like a token from the issuer.',
    cannotSign: 'You tried to sign with the public key. The browser refuses ({error}): a public key can only verify.',
    mintedByOwnKey: 'So you signed with your own key:',
    mintedRefused: 'It does not match the public key of the issuer. Only the private key can create a token that does.',
    told: '{one}: {first}. {other}: {second}.',
    noCrypto:
      'Cryptography (WebCrypto) is not available on this page: browsers offer it only over https and on localhost. So there is nothing to try here.',
    payloadInvalid: 'What the token says must be a JSON object, such as {example}.',
    secretMissing: 'Please enter a secret.',
    secretShort:
      'This secret has {count} bytes. RFC 7518 §3.2 requires at least 32: a shorter one can be guessed from a single token, without contacting anyone.',
  },
} as const

/** Every language has exactly the same keys as English. */
export type InspectMessages = {
  readonly [Section in keyof typeof englishInspectMessages]: {
    readonly [Key in keyof (typeof englishInspectMessages)[Section]]: string
  }
}
