import type { InspectMessages } from './inspect-messages-en.ts'

/** What the token inspector says, in German. */
export const germanInspectMessages: InspectMessages = {
  inspect: {
    title: 'Token-Inspektor',
    lead: 'Fügen Sie ein Token ein, um zu sehen, was darin steht und ob dieser Aussteller es unterschrieben hat.',
    contents: 'Auf dieser Seite',
    look: 'Ein Token ansehen',
    noScript:
      'Diese Seite liest Token mit einem Skript in Ihrem Browser, und Skripte sind ausgeschaltet. Im Terminal zeigt dieser Befehl, was in einem Token steht, das in der Variablen TOKEN liegt; geprüft wird dabei nichts:',
    token: 'Token',
    stays:
      'Es bleibt in diesem Browser. Nichts davon wird gesendet, gespeichert oder in die Adresse geschrieben; nur die öffentlichen Schlüssel dieses Ausstellers werden geholt.',
    example: 'Ein Beispiel zeigen',
    clear: 'Leeren',
    colours: 'Das Token in seinen Teilen',
    header: 'Kopf',
    payload: 'Inhalt',
    signature: 'Unterschrift',
    headerLead: 'Wie es unterschrieben ist.',
    payloadLead: 'Was es sagt. Wer das Token hat, kann das lesen: Es ist kodiert, nicht verschlüsselt.',
    signatureLead:
      'Der Beweis für Kopf und Inhalt, den nur der unterschreibende Schlüssel liefern kann. {count} Bytes, hier in hexadezimalen Ziffern.',
    notShown: 'Dieser Teil lässt sich nicht lesen. Was daran falsch ist, steht oben.',
    noDate: 'kein Zeitpunkt, den ein Kalender kennt',
    exampleTold:
      'Das ist ein Beispiel. Die Unterschrift besteht aus 64 zufälligen Bytes, und der Inhalt ist ausgedacht, auch der Name dieses Ausstellers: Den kann jeder in ein Token schreiben.',
  },
  inspectVerdicts: {
    genuine: 'Von diesem Aussteller unterschrieben und jetzt gültig',
    expired: 'Von diesem Aussteller unterschrieben, aber abgelaufen',
    early: 'Von diesem Aussteller unterschrieben, aber noch nicht gültig',
    faulty: 'Von diesem Aussteller unterschrieben, aber mit einem Fehler',
    forged: 'Nicht vertrauenswürdig',
    elsewhere: 'Nicht von diesem Aussteller',
    unchecked: 'Die Unterschrift wurde nicht geprüft',
    notJwt: 'Kein JWT',
    unreadable: 'Ein JWT, das sich nicht lesen lässt',
    encrypted: 'Verschlüsselt',
    tooLong: 'Zu lang',
  },
  inspectFindings: {
    good: 'Gut:',
    bad: 'Falsch:',
    note: 'Hinweis:',
    bearerTaken: 'Das Wort {word} davor wurde weggelassen: Es gehört zum Header „Authorization“, nicht zum Token.',
    quotesTaken: 'Anführungszeichen darum herum wurden weggelassen.',
    spaceTaken: 'Leerzeichen und Zeilenumbrüche wurden weggelassen.',
    tooLong:
      'Dieser Text hat {count} Zeichen, und höchstens {most} werden hier gelesen. Ein so langes Token würde auch nicht in die Header einer Anfrage passen.',
    jsonPasted:
      'Das ist JSON, vielleicht die Antwort eines Token-Endpunkts. Fügen Sie nur den Wert von access_token oder id_token ein.',
    refreshToken:
      'Es sieht aus wie ein Refresh-Token von Signet: 91 Zeichen ohne Punkt. Darin gibt es nichts zu lesen; nur der Aussteller weiß, wofür es steht. Halten Sie es so geheim wie ein Passwort.',
    codeLike:
      'Es sieht aus wie ein Code oder ein Client-Secret von Signet: 43 Zeichen ohne Punkt. Darin gibt es nichts zu lesen; nur der Aussteller weiß, wofür es steht. Halten Sie es so geheim wie ein Passwort.',
    opaque:
      'Es hat einen Teil, und ein JWT hat drei mit Punkten dazwischen. Vielleicht ist es ein undurchsichtiges Token: Wie eine Garderobenmarke sagt es nur dem etwas, der es ausgegeben hat. Die Refresh-Token und Codes von Signet sind solche.',
    cutOff: 'Es beginnt wie ein JWT, hat aber {count} von drei Teilen. Der Rest wurde nicht mitkopiert.',
    parts: 'Es hat {count} Teile. Ein unterschriebenes JWT hat drei mit Punkten dazwischen, ein verschlüsseltes fünf.',
    jwe: 'Es hat fünf Teile, ist also verschlüsselt (JWE): Nur wer den Schlüssel hat, kann den Inhalt lesen. Der Kopf ist offen. Dieser Aussteller verschlüsselt keine Token.',
    emptyPart: '{part}: Hier steht nichts.',
    padding: '{part}: Am Ende steht „=“. Ein JWT ist base64url ohne Auffüllung (RFC 7515 §2), sonst wird es abgelehnt.',
    plainBase64:
      '{part}: Hier stehen „+“ oder „/“. Das ist base64; ein JWT ist base64url, das dafür „-“ und „_“ hat (RFC 7515 §2).',
    illegal: '{part}: Zeichen {place} ist {character}, und das gibt es in base64url nicht.',
    length: '{part}: Mit {count} Zeichen kann das kein base64url sein. Eines fehlt oder ist zu viel.',
    spelling:
      '{part}: Das letzte Zeichen ist nicht das, welches ein Kodierer schreibt. Die Bytes sind dieselben, aber strenge Prüfer lehnen es ab.',
    notUtf8: '{part}: Die Bytes sind kein Text in UTF-8.',
    notJson: '{part}: Das ist kein JSON.',
    notObject: '{part}: Das ist JSON, aber kein Objekt in geschweiften Klammern.',
    twice:
      '{part}: {name} steht zweimal da. Programme nehmen nicht alle dasselbe; erklärt wird hier das letzte. Strenge Prüfer lehnen das Token ab.',
    proto:
      '{part}: Hier gibt es einen Eintrag namens __proto__, den kein ehrlicher Aussteller schreibt. In sorglosen Programmen kann er Objekte verändern.',
    invisible:
      '{part}: Hier gibt es Zeichen, die man nicht sieht oder die die Richtung des Textes wenden. Sie stehen als \\u mit einer Zahl da.',
    algNone:
      'alg ist „none“: Niemand hat das unterschrieben, und jeder kann so ein Token schreiben. Wer prüft, muss es ablehnen.',
    algSymmetric:
      '{alg} ist symmetrisch: Ein Geheimnis unterschreibt und prüft. Die öffentlichen Schlüssel dieses Ausstellers können das nicht prüfen, und dieser Aussteller unterschreibt nie so. Warum, steht unten bei „Warum kein gemeinsames Geheimnis?“.',
    algOther: '{alg} ist kein Verfahren dieses Ausstellers. Er unterschreibt mit ES256 und RS256.',
    algMissing: 'Der Kopf nennt kein Verfahren (alg), also lässt sich nichts prüfen.',
    crit: 'Der Kopf verlangt, dass {names} verstanden wird (crit). Dieser Aussteller verlangt nie etwas; wer nicht kennt, was da steht, muss das Token ablehnen.',
    noCrypto:
      'Dieser Browser bietet auf dieser Seite keine Kryptographie (WebCrypto) an: Das tut er nur über https und auf localhost. Die Unterschrift wurde deshalb nicht geprüft.',
    noKeys:
      'Die öffentlichen Schlüssel ließen sich nicht holen, deshalb wurde die Unterschrift nicht geprüft. Versuchen Sie es gleich noch einmal.',
    kidUnknown:
      'Kein Schlüssel dieses Ausstellers heißt {kid}. Entweder ist der Schlüssel außer Dienst, oder jemand anderes hat das unterschrieben und den Namen dieses Ausstellers hineingeschrieben.',
    kidElsewhere:
      'Kein Schlüssel dieses Ausstellers heißt {kid}. Das Token sagt, es sei von {iss}: Suchen Sie den Schlüssel in dem JWK Set, das dort genannt wird. Diese Seite fragt keinen anderen Server.',
    kidMissing: 'Der Kopf nennt keinen Schlüssel (kid). Dieser Aussteller nennt ihn immer.',
    algMismatch: 'Der Schlüssel {kid} ist für {expected}, und das Token sagt {alg}.',
    signatureLength:
      'Eine Unterschrift mit ES256 hat 64 Bytes, und diese hat {count}. Sie ist abgeschnitten oder in einer anderen Form geschrieben (DER).',
    signatureWrong:
      'Die Unterschrift passt nicht. Kopf oder Inhalt wurden unterwegs verändert, oder ein anderer Schlüssel hat unterschrieben.',
    signatureFits:
      'Die Unterschrift passt zum Schlüssel {kid}: Dieser Aussteller hat genau diese Worte unterschrieben.',
    issOther: 'iss ist {iss}, und dieser Aussteller ist {issuer}. Verglichen wird Zeichen für Zeichen.',
    issMissing: 'Es sagt nicht, wer es ausgestellt hat (iss).',
    issOurs: 'iss nennt diesen Aussteller, Zeichen für Zeichen.',
    expMissing: 'Es sagt nicht, wann es abläuft (exp). Wer prüft, sollte es ablehnen.',
    notATime: '{name} ist keine Zahl. Es müssen die Sekunden seit 1970 sein, ohne Anführungszeichen.',
    milliseconds: '{name} liegt Jahrtausende voraus. Vielleicht sind es Millisekunden; gemeint sind Sekunden.',
    expired: 'Es ist abgelaufen: {when}.',
    expGood: 'Es läuft ab: {when}.',
    notYet: 'Es gilt nicht vor seinem nbf: {when}.',
    issuedAhead: 'Ausgestellt wurde es nach der Uhr dieses Geräts {when}. Eine der beiden Uhren geht falsch.',
    accessToken:
      'Es ist ein Access-Token für {aud}. Dorthin wird es als „Authorization: Bearer“ gesendet, und kein anderer Dienst sollte es annehmen.',
    idToken:
      'Es ist ein ID-Token. Es sagt der Anwendung {aud}, wer sich angemeldet hat. Kein Dienst sollte es als Access-Token annehmen.',
    logoutToken: 'Es ist ein Logout-Token: Es sagt der Anwendung {aud}, dass sich jemand abgemeldet hat.',
    otherKind:
      'Sein Kopf nennt es {typ}: weder ein Access-Token noch ein ID-Token. Nehmen Sie es nur dort an, wo das erwartet wird.',
    manyAudiences:
      'Es ist für mehrere zugleich: Jeder von ihnen kann es bei den anderen vorzeigen. Dieser Aussteller nennt einen.',
    bound:
      'Es ist an einen Schlüssel gebunden (cnf): Wer es vorzeigt, muss beweisen, dass er ihn hat. Als bloßes Bearer-Token ist es abzulehnen.',
    unproven:
      'Was es sagt, ist nicht bewiesen: Solange keine Unterschrift dafür spricht, kann es jeder geschrieben haben.',
    notAsked: 'Ob es inzwischen zurückgerufen wurde, wird hier nicht gefragt; der Introspection-Endpunkt weiß es.',
  },
  inspectClaims: {
    unknown: 'Kein Name der Standards, den diese Seite kennt: wahrscheinlich ein eigener des Ausstellers.',
    typ: 'Welche Art von Token es ist. „at+jwt“ ist ein Access-Token, damit keine andere Art dafür durchgeht.',
    alg: 'Das Verfahren der Unterschrift. Wer prüft, entscheidet selbst, welche er annimmt, und folgt nicht dieser Angabe.',
    kid: 'Welcher Schlüssel des Ausstellers unterschrieben hat: sein Name im JWK Set.',
    cty: 'Was der Inhalt ist, wenn er keine Sammlung von Angaben ist.',
    crit: 'Erweiterungen, die verstehen muss, wer prüft; sonst muss er das Token ablehnen.',
    b64: 'Ob der Inhalt kodiert ist. „false“ ist selten und braucht crit.',
    jku: 'Eine Adresse, an der der Schlüssel liegen soll. Ihr ist nur zu folgen, wenn man sie schon kennt.',
    jwk: 'Ein Schlüssel, den das Token mitbringt. Ihm ist nie zu trauen: Ein Fälscher bringt seinen eigenen mit.',
    x5u: 'Eine Adresse, an der ein Zertifikat liegen soll. Ihr ist nur zu folgen, wenn man sie schon kennt.',
    x5c: 'Zertifikate, die das Token mitbringt. Sie sind so viel wert wie die Unterschriften darauf.',
    x5t: 'Ein Fingerabdruck des Zertifikats, mit SHA-1.',
    'x5t#S256': 'Ein Fingerabdruck des Zertifikats, mit SHA-256.',
    enc: 'Wie der Inhalt verschlüsselt ist.',
    zip: 'Wie der Inhalt vor dem Verschlüsseln gepackt wurde.',
    epk: 'Ein öffentlicher Schlüssel nur für dieses Token, um ein Geheimnis zu vereinbaren.',
    iss: 'Issuer, der Aussteller: wer das Token gemacht hat. Muss Zeichen für Zeichen der sein, dem Sie trauen.',
    sub: 'Subject: um wen es geht. Bei einem Menschen ändert es sich nie; ein Programm, das für sich selbst handelt, hat hier seine client_id.',
    aud: 'Audience: für wen es ist. Wer sich hier nicht findet, muss es ablehnen.',
    exp: 'Expires: ab diesem Zeitpunkt nicht mehr anzunehmen.',
    nbf: 'Not before: vor diesem Zeitpunkt nicht anzunehmen.',
    iat: 'Issued at: wann es gemacht wurde.',
    jti: 'Die Nummer dieses einen Tokens. Kein anderes hat dieselbe.',
    client_id: 'Die Anwendung, der das Token gegeben wurde.',
    scope: 'Was es erlaubt, in Wörtern mit Leerzeichen dazwischen.',
    auth_time: 'Wann der Mensch zuletzt bewiesen hat, wer er ist. Das kann lange vor dem Ausstellen gewesen sein.',
    acr: 'Wie sicher der Mensch erkannt wurde, als Stufe, die der Aussteller benennt.',
    amr: 'Woran der Mensch erkannt wurde: „pwd“ ist ein Passwort.',
    sid: 'Die Sitzung beim Aussteller. Sie wird genannt, wenn sich der Mensch abmeldet.',
    nonce: 'Ein Wert der Anwendung, unverändert zurück. Er bindet das Token an die Anfrage, die es verlangt hat.',
    azp: 'Die Anwendung, für die das Token ausgestellt wurde, wenn das aus aud nicht hervorgeht.',
    at_hash: 'Der halbe Fingerabdruck des Access-Tokens, das mitkam, damit es nicht vertauscht werden kann.',
    c_hash: 'Der halbe Fingerabdruck des Codes, der mitkam, damit er nicht vertauscht werden kann.',
    s_hash: 'Der halbe Fingerabdruck des „state“, der mitkam, damit er nicht vertauscht werden kann.',
    grant_id:
      'Eine eigene Angabe von Signet: die eine Erlaubnis, an der dieses Token hängt. Endet sie, gilt das Token beim Aussteller nicht mehr.',
    status: 'Wo man nachsieht, ob das Token zurückgerufen wurde, und unter welcher Nummer.',
    cnf: 'Ein Schlüssel, den haben muss, wer das Token vorzeigt.',
    act: 'Wer im Auftrag von sub handelt.',
    may_act: 'Wer im Auftrag von sub handeln darf.',
    events: 'Was geschehen ist: eine Mitteilung, keine Erlaubnis.',
    authorization_details: 'Was es erlaubt, genauer als scope es sagen kann.',
    roles: 'Die Rollen des Menschen.',
    groups: 'Die Gruppen, zu denen der Mensch gehört.',
    entitlements: 'Wozu der Mensch berechtigt ist.',
    name: 'Der volle Name.',
    given_name: 'Vornamen.',
    family_name: 'Nachnamen.',
    middle_name: 'Weitere Vornamen.',
    nickname: 'Wie der Mensch gern genannt wird.',
    preferred_username:
      'Der Benutzername. Er kann wechseln und an jemand anderen gehen: nie der Schlüssel zu einem Konto, das ist sub.',
    profile: 'Die Adresse einer Seite über den Menschen.',
    picture: 'Die Adresse eines Bildes.',
    website: 'Die eigene Website.',
    email: 'Die E-Mail-Adresse. Sie kann wechseln: Woran man jemanden erkennt, ist sub.',
    email_verified: 'Ob der Aussteller gesehen hat, dass die Adresse diesem Menschen gehört.',
    gender: 'Das Geschlecht, wie der Mensch es nennt.',
    birthdate: 'Das Geburtsdatum.',
    zoneinfo: 'Die Zeitzone.',
    locale: 'Die Sprache.',
    phone_number: 'Die Telefonnummer.',
    phone_number_verified: 'Ob der Aussteller gesehen hat, dass die Nummer diesem Menschen gehört.',
    address: 'Die Postanschrift.',
    updated_at: 'Wann sich diese persönlichen Angaben zuletzt geändert haben.',
  },
  sharedSecret: {
    title: 'Warum kein gemeinsames Geheimnis?',
    what: 'Mit HS256 haben der Aussteller und jeder Dienst ein gemeinsames Geheimnis, und dieselbe Rechnung unterschreibt und prüft. Wer ein Token prüfen kann, kann also auch eines machen, und niemand sieht ihm nachher an, wer es war.',
    instead:
      'Mit ES256 und RS256 unterschreibt der Aussteller mit einem privaten Schlüssel und veröffentlicht einen anderen, der nur prüft. Dieser Aussteller unterschreibt nicht anders.',
    tryIt: 'Probieren Sie es aus. Das Geheimnis und die Schlüssel entstehen und bleiben auf dieser Seite.',
    payload: 'Was das Token sagt',
    secret: 'Das gemeinsame Geheimnis',
    sign: 'Unterschreiben und prüfen',
    symmetric: 'Ein gemeinsames Geheimnis',
    asymmetric: 'Ein Schlüsselpaar',
    issuerSigns: 'Der Aussteller unterschreibt',
    withSecret: 'mit dem Geheimnis:',
    withPrivateKey: 'mit seinem privaten Schlüssel:',
    apiChecks: 'Der Dienst prüft',
    bySecret: 'mit demselben Geheimnis. Man musste es ihm geben.',
    byPublicKey: 'mit dem öffentlichen Schlüssel. Sonst hat er nichts bekommen:',
    accepted: 'Angenommen',
    refused: 'Abgelehnt',
    youAreNow: 'Jetzt sind Sie dieser Dienst, der nur prüfen wollte.',
    mint: 'Ein Token mit admin: true machen',
    mintedBySecret: 'Das haben Sie mit dem Geheimnis unterschrieben, das Sie zum Prüfen bekommen hatten:',
    mintedAccepted:
      'Jeder Dienst, der das Geheimnis hat, nimmt es an. Von einem Token des Ausstellers ist es nicht zu unterscheiden.',
    cannotSign:
      'Sie wollten mit dem öffentlichen Schlüssel unterschreiben. Der Browser lehnt das ab ({error}): Ein öffentlicher Schlüssel prüft nur.',
    mintedByOwnKey: 'Also haben Sie mit einem eigenen Schlüssel unterschrieben:',
    mintedRefused:
      'Es passt nicht zum öffentlichen Schlüssel des Ausstellers. Ein passendes kann nur machen, wer den privaten hat.',
    told: '{one}: {first}. {other}: {second}.',
    noCrypto:
      'Dieser Browser bietet auf dieser Seite keine Kryptographie (WebCrypto) an: Das tut er nur über https und auf localhost. Hier gibt es deshalb nichts auszuprobieren.',
    payloadInvalid: 'Was das Token sagt, muss ein JSON-Objekt sein, zum Beispiel {example}.',
    secretMissing: 'Bitte geben Sie ein Geheimnis ein.',
    secretShort:
      'Dieses Geheimnis hat {count} Bytes. RFC 7518 §3.2 verlangt mindestens 32: Ein kürzeres lässt sich aus einem einzigen Token erraten, ohne jemanden zu fragen.',
  },
}
