import type { InspectMessages } from './inspect-messages-en.ts'

/** The texts of the token inspector in German. */
export const germanInspectMessages: InspectMessages = {
  inspect: {
    title: 'Token-Inspektor',
    lead: 'Fügen Sie ein Token ein, um zu sehen, was darin steht und ob dieser Aussteller es signiert hat.',
    contents: 'Auf dieser Seite',
    look: 'Ein Token untersuchen',
    noScript:
      'Diese Seite braucht Skripte, um Token zu lesen, und Skripte sind ausgeschaltet. Um ein Token im Terminal zu dekodieren, speichern Sie es in der Variablen TOKEN und führen Sie diesen Befehl aus, der nichts prüft:',
    token: 'Token',
    stays:
      'Das Token bleibt in diesem Browser. Es wird nicht gesendet, nicht gespeichert und nicht in die Adresse geschrieben; nur die öffentlichen Schlüssel dieses Ausstellers werden abgerufen.',
    example: 'Beispiel zeigen',
    clear: 'Leeren',
    colours: 'Die Teile des Tokens',
    header: 'Header',
    payload: 'Payload',
    signature: 'Signatur',
    headerLead: 'Wie das Token signiert ist.',
    payloadLead: 'Was das Token sagt. Wer das Token hat, kann das lesen: Es ist kodiert, nicht verschlüsselt.',
    signatureLead:
      'Die Signatur beweist, dass Header und Payload unverändert sind. Sie lässt sich nur mit dem Signaturschlüssel erzeugen. {count} Bytes, hexadezimal.',
    notShown: 'Dieser Teil lässt sich nicht lesen. Der Grund steht oben.',
    noDate: '(kein gültiges Datum)',
    exampleTold:
      'Das ist ein Beispiel. Die Signatur besteht aus 64 zufälligen Bytes, und der Inhalt ist erfunden. Das Token nennt diesen Aussteller, aber das kann jeder in ein Token schreiben.',
  },
  inspectVerdicts: {
    genuine: 'Von diesem Aussteller signiert und zurzeit gültig',
    expired: 'Von diesem Aussteller signiert, aber abgelaufen',
    early: 'Von diesem Aussteller signiert, aber noch nicht gültig',
    faulty: 'Von diesem Aussteller signiert, aber fehlerhaft',
    forged: 'Trauen Sie diesem Token nicht',
    elsewhere: 'Nicht von diesem Aussteller',
    unchecked: 'Die Signatur wurde nicht geprüft',
    notJwt: 'Kein JWT',
    unreadable: 'Ein JWT, das sich nicht lesen lässt',
    encrypted: 'Verschlüsselt',
    tooLong: 'Zu lang',
  },
  inspectFindings: {
    good: 'Gut:',
    bad: 'Falsch:',
    note: 'Hinweis:',
    bearerTaken: 'Das Wort {word} am Anfang wurde entfernt: Es gehört zum Header „Authorization“, nicht zum Token.',
    quotesTaken: 'Anführungszeichen um das Token wurden entfernt.',
    spaceTaken: 'Leerzeichen und Zeilenumbrüche wurden entfernt.',
    tooLong:
      'Dieser Text hat {count} Zeichen; hier werden höchstens {most} gelesen. Ein so langes Token würde auch nicht in die Header einer Anfrage passen.',
    jsonPasted:
      'Das ist JSON, vielleicht die Antwort eines Token-Endpunkts. Fügen Sie nur den Wert von access_token oder id_token ein.',
    refreshToken:
      'Das sieht aus wie ein Refresh-Token von Signet: 91 Zeichen ohne Punkt. Darin gibt es nichts zu lesen; nur der Aussteller weiß, wofür es steht. Halten Sie es so geheim wie ein Passwort.',
    codeLike:
      'Das sieht aus wie ein Autorisierungscode oder ein Client-Secret von Signet: 43 Zeichen ohne Punkt. Darin gibt es nichts zu lesen; nur der Aussteller weiß, wofür es steht. Halten Sie es so geheim wie ein Passwort.',
    opaque:
      'Dieser Text hat nur einen Teil; ein JWT hat drei, durch Punkte getrennt. Vielleicht ist es ein undurchsichtiges Token (opaque token): Wie eine Garderobenmarke sagt es nur seinem Aussteller etwas. Die Refresh-Token und Codes von Signet sind solche Token.',
    cutOff: 'Das beginnt wie ein JWT, hat aber {count} von drei Teilen. Der Rest wurde nicht mitkopiert.',
    parts:
      'Dieser Text hat {count} Teile. Ein signiertes JWT hat drei, durch Punkte getrennt, ein verschlüsseltes fünf.',
    jwe: 'Dieses Token hat fünf Teile, ist also verschlüsselt (JWE): Der Inhalt lässt sich nur mit dem Schlüssel lesen. Der Header ist nicht verschlüsselt. Dieser Aussteller verschlüsselt keine Token.',
    emptyPart: '{part}: Dieser Teil ist leer.',
    padding:
      '{part}: Am Ende steht „=“. Ein JWT ist base64url ohne Auffüllzeichen (RFC 7515 §2), sonst wird es abgelehnt.',
    plainBase64:
      '{part}: Hier steht „+“ oder „/“. Das ist base64; ein JWT ist base64url, das stattdessen „-“ und „_“ hat (RFC 7515 §2).',
    illegal: '{part}: Zeichen {place} ist {character}, und das ist kein Zeichen von base64url.',
    length: '{part}: Ein Text in base64url kann nicht {count} Zeichen haben. Eines fehlt oder ist zu viel.',
    spelling:
      '{part}: Das letzte Zeichen ist nicht das, das beim Kodieren entsteht. Die Bytes sind dieselben, aber streng prüfende Programme lehnen es ab.',
    notUtf8: '{part}: Die Bytes sind kein UTF-8-Text.',
    notJson: '{part}: Das ist kein JSON.',
    notObject: '{part}: Das ist JSON, aber kein Objekt in geschweiften Klammern.',
    twice:
      '{part}: {name} kommt zweimal vor. Programme verwenden nicht alle denselben Wert; erklärt wird hier der letzte. Streng prüfende Programme lehnen das Token ab.',
    proto:
      '{part}: Hier gibt es einen Eintrag namens __proto__, den kein ehrlicher Aussteller schreibt. In nachlässigen Programmen kann er Objekte verändern.',
    invisible:
      '{part}: Hier gibt es Zeichen, die unsichtbar sind oder die Schreibrichtung ändern. Sie werden als \\u mit einer Zahl angezeigt.',
    algNone:
      'alg ist „none“: Dieses Token ist nicht signiert, und jeder kann so eines schreiben. Wer prüft, muss es ablehnen.',
    algSymmetric:
      '{alg} ist symmetrisch: Dasselbe Geheimnis signiert und prüft. Die öffentlichen Schlüssel dieses Ausstellers können das nicht prüfen, und so signiert dieser Aussteller nur ID-Tokens für Anwendungen, die es verlangen, mit deren eigenem Geheimnis. Den Grund finden Sie unten bei „Warum kein gemeinsames Geheimnis?“.',
    algOther: 'Dieser Aussteller verwendet den Algorithmus {alg} nicht. Er signiert mit ES256, RS256, PS256 und EdDSA.',
    algNotHere: 'Dieser Browser kann {alg} nicht prüfen; die Signatur wurde also nicht geprüft.',
    algMissing: 'Der Header nennt keinen Algorithmus (alg), also lässt sich nichts prüfen.',
    crit: 'Der Header verlangt, dass beim Prüfen {names} verstanden wird (crit). Dieser Aussteller verlangt nie etwas; wer nicht versteht, was da genannt ist, muss das Token ablehnen.',
    noCrypto:
      'Kryptographie (WebCrypto) ist auf dieser Seite nicht verfügbar: Browser bieten sie nur über https und auf localhost an. Die Signatur wurde deshalb nicht geprüft.',
    noKeys:
      'Die öffentlichen Schlüssel ließen sich nicht abrufen, deshalb wurde die Signatur nicht geprüft. Versuchen Sie es gleich noch einmal.',
    kidUnknown:
      'Dieser Aussteller hat keinen Schlüssel {kid}. Entweder ist der Schlüssel außer Dienst, oder jemand anderes hat das Token signiert und den Namen dieses Ausstellers hineingeschrieben.',
    kidElsewhere:
      'Dieser Aussteller hat keinen Schlüssel {kid}. Das Token sagt, es sei von {iss}: Suchen Sie den Schlüssel im JWK Set jenes Ausstellers. Diese Seite fragt keinen anderen Server.',
    kidMissing: 'Der Header nennt keinen Schlüssel (kid). Dieser Aussteller nennt immer einen.',
    algMismatch: 'Der Schlüssel {kid} ist für {expected}, aber das Token sagt {alg}.',
    signatureLength:
      'Eine Signatur mit ES256 hat 64 Bytes; diese hat {count}. Sie ist abgeschnitten oder in einem anderen Format (DER).',
    signatureWrong:
      'Die Signatur ist ungültig. Header oder Payload wurden nach dem Signieren verändert, oder ein anderer Schlüssel hat das Token signiert.',
    signatureFits:
      'Die Signatur ist gültig für den Schlüssel {kid}: Dieser Aussteller hat genau diesen Inhalt signiert.',
    issOther: 'iss ist {iss}, aber dieser Aussteller ist {issuer}. Beide müssen genau übereinstimmen.',
    issMissing: 'Das Token sagt nicht, wer es ausgestellt hat (iss).',
    issOurs: 'iss ist genau dieser Aussteller.',
    expMissing: 'Das Token sagt nicht, wann es abläuft (exp). Wer prüft, sollte es ablehnen.',
    notATime: '{name} ist keine Zahl. Es müssen Sekunden seit 1970 sein, ohne Anführungszeichen.',
    milliseconds:
      '{name} liegt Tausende von Jahren in der Zukunft. Vielleicht sind es Millisekunden; es müssen Sekunden sein.',
    expired: 'Es ist abgelaufen: {when}.',
    expGood: 'Es läuft ab: {when}.',
    notYet: 'Es gilt nicht vor seinem nbf: {when}.',
    issuedAhead: 'Nach der Uhr dieses Geräts wurde es {when} ausgestellt. Eine der beiden Uhren geht falsch.',
    accessToken:
      'Das ist ein Access-Token für {aud}. Dorthin wird es als „Authorization: Bearer“ gesendet, und kein anderer Dienst sollte es annehmen.',
    idToken:
      'Das ist ein ID-Token. Es sagt der Anwendung {aud}, wer sich angemeldet hat. Kein Dienst sollte es als Access-Token annehmen.',
    logoutToken: 'Das ist ein Logout-Token. Es sagt der Anwendung {aud}, dass sich jemand abgemeldet hat.',
    otherKind:
      'Sein typ ist {typ}: weder ein Access-Token noch ein ID-Token. Nehmen Sie es nur dort an, wo dieser Typ erwartet wird.',
    manyAudiences:
      'Es ist für mehrere Empfänger, und jeder von ihnen kann es bei den anderen vorzeigen. Dieser Aussteller nennt höchstens eine API und sich selbst.',
    bound:
      'Es ist an einen Schlüssel gebunden (cnf): Wer es vorzeigt, muss beweisen, dass er diesen Schlüssel hat. Als bloßes Bearer-Token muss es abgelehnt werden.',
    unproven: 'Nichts davon ist bewiesen: Ohne gültige Signatur kann es jeder geschrieben haben.',
    notAsked: 'Diese Seite prüft nicht, ob das Token widerrufen wurde; das tut der Introspection-Endpunkt.',
  },
  inspectClaims: {
    unknown: 'Kein Standardname, den diese Seite kennt; wahrscheinlich ein eigener des Ausstellers.',
    typ: 'Der Typ des Tokens. „at+jwt“ ist ein Access-Token, damit kein anderer Typ dafür durchgeht.',
    alg: 'Der Signaturalgorithmus. Wer prüft, entscheidet selbst, welche er annimmt, und verlässt sich nicht auf diese Angabe.',
    kid: 'Welcher Schlüssel des Ausstellers signiert hat: seine ID im JWK Set.',
    cty: 'Der Typ des Inhalts, wenn er keine Sammlung von Angaben (Claims) ist.',
    crit: 'Erweiterungen, die beim Prüfen verstanden werden müssen; sonst ist das Token abzulehnen.',
    b64: 'Ob die Payload kodiert ist. „false“ ist selten und verlangt crit.',
    jku: 'Eine Adresse, unter der der Schlüssel liegen soll. Folgen Sie ihr nur, wenn Sie sie bereits kennen.',
    jwk: 'Ein Schlüssel, der mit dem Token kommt. Trauen Sie ihm nie: Fälscher schicken ihren eigenen.',
    x5u: 'Eine Adresse, unter der ein Zertifikat liegen soll. Folgen Sie ihr nur, wenn Sie sie bereits kennen.',
    x5c: 'Zertifikate, die mit dem Token kommen. Sie sind nur so viel wert wie die Signaturen darauf.',
    x5t: 'Der SHA-1-Hash des Zertifikats.',
    'x5t#S256': 'Der SHA-256-Hash des Zertifikats.',
    enc: 'Wie der Inhalt verschlüsselt ist.',
    zip: 'Wie der Inhalt vor dem Verschlüsseln komprimiert wurde.',
    epk: 'Ein öffentlicher Schlüssel nur für dieses Token, um ein Geheimnis zu vereinbaren.',
    iss: 'Issuer, der Aussteller: wer das Token ausgestellt hat. Er muss genau mit dem Aussteller übereinstimmen, dem Sie trauen.',
    sub: 'Subject: um wen es geht. Bei einer Person ändert es sich nie; bei einem Programm, das für sich selbst handelt, ist es die client_id.',
    aud: 'Audience: für wen das Token ist. Ein Dienst, der hier nicht genannt ist, muss es ablehnen.',
    exp: 'Expiration time: Ab diesem Zeitpunkt darf das Token nicht mehr angenommen werden.',
    nbf: 'Not before: Vor diesem Zeitpunkt darf das Token nicht angenommen werden.',
    iat: 'Issued at: wann das Token ausgestellt wurde.',
    jti: 'Die ID dieses einen Tokens. Kein anderes Token hat dieselbe.',
    client_id: 'Die Anwendung, für die das Token ausgestellt wurde.',
    scope: 'Was das Token erlaubt, als Wörter, durch Leerzeichen getrennt.',
    auth_time:
      'Wann die Person zuletzt bewiesen hat, wer sie ist. Das kann lange vor dem Ausstellen des Tokens gewesen sein.',
    acr: 'Wie sicher sich die Person ausgewiesen hat, als Stufe, die der Aussteller festlegt.',
    amr: 'Womit sich die Person ausgewiesen hat: „pwd“ ist ein Passwort.',
    sid: 'Die Sitzung beim Aussteller. Sie wird genannt, wenn sich die Person abmeldet.',
    nonce:
      'Ein Wert der Anwendung, der unverändert zurückkommt. Er bindet das Token an die Anfrage, die es angefordert hat.',
    azp: 'Die Anwendung, für die das Token ausgestellt wurde, wenn das aus aud nicht hervorgeht.',
    at_hash:
      'Der halbe Hash des Access-Tokens, das mit diesem Token ausgestellt wurde, damit es nicht ausgetauscht werden kann.',
    c_hash:
      'Der halbe Hash des Codes, der mit diesem Token ausgestellt wurde, damit er nicht ausgetauscht werden kann.',
    s_hash: 'Der halbe Hash des „state“, der mit diesem Token zurückkam, damit er nicht ausgetauscht werden kann.',
    grant_id:
      'Eine eigene Angabe von Signet: die Berechtigung (Grant), zu der dieses Token gehört. Endet sie, nimmt der Aussteller das Token nicht mehr an.',
    status: 'Wo sich nachsehen lässt, ob das Token widerrufen wurde, und unter welcher Nummer.',
    cnf: 'Ein Schlüssel. Wer das Token vorzeigt, muss beweisen, dass er ihn hat.',
    act: 'Wer im Auftrag von sub handelt.',
    may_act: 'Wer im Auftrag von sub handeln darf.',
    events: 'Was geschehen ist: eine Mitteilung, keine Erlaubnis.',
    authorization_details: 'Was das Token erlaubt, genauer als scope es ausdrücken kann.',
    roles: 'Die Rollen der Person.',
    groups: 'Die Gruppen, zu denen die Person gehört.',
    entitlements: 'Wozu die Person berechtigt ist.',
    name: 'Der vollständige Name.',
    given_name: 'Vornamen.',
    family_name: 'Nachnamen.',
    middle_name: 'Weitere Vornamen.',
    nickname: 'Wie die Person gern genannt wird.',
    preferred_username:
      'Der Benutzername. Er kann sich ändern und an jemand anderen gehen: Erkennen Sie Konten an sub, nie daran.',
    profile: 'Die Adresse einer Seite über die Person.',
    picture: 'Die Adresse eines Bildes.',
    website: 'Die eigene Website der Person.',
    email: 'Die E-Mail-Adresse. Sie kann sich ändern: Erkennen Sie Konten an sub.',
    email_verified: 'Ob der Aussteller geprüft hat, dass die Adresse der Person gehört.',
    gender: 'Das Geschlecht, wie die Person es angibt.',
    birthdate: 'Das Geburtsdatum.',
    zoneinfo: 'Die Zeitzone.',
    locale: 'Die Sprache.',
    phone_number: 'Die Telefonnummer.',
    phone_number_verified: 'Ob der Aussteller geprüft hat, dass die Nummer der Person gehört.',
    address: 'Die Postanschrift.',
    updated_at: 'Wann sich die Angaben der Person zuletzt geändert haben.',
  },
  sharedSecret: {
    title: 'Warum kein gemeinsames Geheimnis?',
    what: 'Mit HS256 haben der Aussteller und jeder Dienst ein gemeinsames Geheimnis, und dieselbe Rechnung signiert und prüft. Wer ein Token prüfen kann, kann also auch eines erstellen, und niemand kann im Nachhinein sagen, wer es war.',
    instead:
      'Mit ES256, RS256, PS256 und EdDSA signiert der Aussteller mit einem privaten Schlüssel und veröffentlicht einen anderen, der nur prüfen kann. So signiert dieser Aussteller alle Access-Tokens.',
    tryIt:
      'Probieren Sie es aus. Das Geheimnis und die Schlüssel werden auf dieser Seite erzeugt und verlassen sie nicht.',
    payload: 'Was das Token sagt',
    secret: 'Das gemeinsame Geheimnis',
    sign: 'Signieren und prüfen',
    symmetric: 'Ein gemeinsames Geheimnis',
    asymmetric: 'Ein Schlüsselpaar',
    issuerSigns: 'Der Aussteller signiert',
    withSecret: 'mit dem Geheimnis:',
    withPrivateKey: 'mit seinem privaten Schlüssel:',
    apiChecks: 'Der Dienst prüft',
    bySecret: 'mit demselben Geheimnis, das man ihm geben musste.',
    byPublicKey: 'mit dem öffentlichen Schlüssel; sonst hat er nichts bekommen:',
    accepted: 'Angenommen',
    refused: 'Abgelehnt',
    youAreNow: 'Jetzt sind Sie dieser Dienst, der nur prüfen wollte.',
    mint: 'Ein Token mit admin:\u00a0true erstellen',
    mintedBySecret: 'Das haben Sie mit dem Geheimnis signiert, das Sie zum Prüfen bekommen hatten:',
    mintedAccepted:
      'Jeder Dienst, der das Geheimnis hat, nimmt es an. Es sieht genauso aus wie ein Token des Ausstellers.',
    cannotSign:
      'Sie wollten mit dem öffentlichen Schlüssel signieren. Der Browser lehnt das ab ({error}): Ein öffentlicher Schlüssel kann nur prüfen.',
    mintedByOwnKey: 'Also haben Sie mit einem eigenen Schlüssel signiert:',
    mintedRefused:
      'Es passt nicht zum öffentlichen Schlüssel des Ausstellers. Ein passendes lässt sich nur mit dem privaten Schlüssel erstellen.',
    told: '{one}: {first}. {other}: {second}.',
    noCrypto:
      'Kryptographie (WebCrypto) ist auf dieser Seite nicht verfügbar: Browser bieten sie nur über https und auf localhost an. Hier gibt es deshalb nichts auszuprobieren.',
    payloadInvalid: 'Was das Token sagt, muss ein JSON-Objekt sein, zum Beispiel {example}.',
    secretMissing: 'Bitte geben Sie ein Geheimnis ein.',
    secretShort:
      'Dieses Geheimnis hat {count} Bytes. RFC 7518 §3.2 verlangt mindestens 32: Ein kürzeres lässt sich aus einem einzigen Token erraten, ohne jemanden zu fragen.',
  },
}
