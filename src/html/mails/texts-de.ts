import type { MailTexts } from './mail-texts.ts'

export const textsDe: MailTexts = {
  common: {
    sentBy: '{name} ({host}) hat diese E-Mail an {to} gesendet.',
    copyLink: 'Wenn die Schaltfläche nicht funktioniert, kopieren Sie diese Adresse in Ihren Browser:',
    notYou: 'Wenn Sie das nicht waren',
    notExpected: 'Wenn Sie das nicht erwartet haben',
    nothingToDo: 'Wenn Sie das waren, müssen Sie nichts tun.',
    askedFor: 'Wenn Sie darum gebeten haben, müssen Sie nichts tun.',
    getHelp: 'Wenn Sie nicht mehr in Ihr Konto gelangen, erhalten Sie hier Hilfe:',
    contact: 'Wenn Sie nicht mehr in Ihr Konto gelangen, wenden Sie sich an die Betreiber von {name}.',
    help: 'Hilfe',
    privacy: 'Datenschutzerklärung',
  },
  verification: {
    subject: 'Bestätigen Sie Ihre E-Mail-Adresse für {name}',
    heading: 'Bestätigen Sie Ihre E-Mail-Adresse',
    signUp:
      'Jemand hat mit dieser E-Mail-Adresse ein Konto bei {name} ({host}) erstellt. Wenn Sie das waren, geben Sie diesen Code auf der Seite ein, die danach fragt:',
    change:
      'Jemand, der in einem Konto bei {name} ({host}) angemeldet ist, möchte dafür diese E-Mail-Adresse verwenden. Wenn Sie das sind, geben Sie diesen Code auf der Seite ein, die danach fragt:',
    again:
      'Jemand hat einen neuen Code angefordert, um diese E-Mail-Adresse bei {name} ({host}) zu bestätigen. Wenn Sie das waren, geben Sie diesen Code auf der Seite ein, die danach fragt:',
    orLink: 'Oder öffnen Sie diesen Link, falls keine Seite nach dem Code fragt oder Sie ein anderes Gerät verwenden:',
    button: 'Adresse bestätigen',
    validity:
      'Code und Link funktionieren einmal und gelten {duration} lang. Geben Sie beides nicht weiter. Niemand von {name} wird Sie danach fragen.',
    notYou:
      'Jemand hat Ihre Adresse angegeben, vielleicht aus Versehen. Öffnen Sie den Link und wählen Sie „Das war ich nicht“: Dann kann jenes Konto Ihre Adresse nicht mehr verwenden. Wenn Sie nichts tun, bleibt die Adresse unbestätigt.',
  },
  addressInUse: {
    subject: 'Sie haben bereits ein Konto bei {name}',
    heading: 'Sie haben bereits ein Konto',
    lead: 'Jemand hat diese E-Mail-Adresse bei {name} ({host}) angegeben, für ein neues Konto oder als neue Adresse. Sie gehört bereits zu einem Konto, und dabei bleibt es. Wenn Sie das waren, melden Sie sich mit diesem Konto an:',
    button: 'Anmelden',
    forgotten: 'Wenn Sie das Passwort nicht mehr wissen, wählen Sie dort „Passwort vergessen?“.',
    notYou: 'Sie müssen nichts tun. Niemand hat Zugang zu Ihrem Konto erhalten.',
  },
  recovery: {
    subject: 'Neues Passwort für {name} festlegen',
    heading: 'Neues Passwort festlegen',
    lead: 'Jemand möchte ein neues Passwort für Ihr Konto bei {name} ({host}) festlegen. Wenn Sie das sind, öffnen Sie diesen Link:',
    button: 'Neues Passwort festlegen',
    validity: 'Der Link funktioniert einmal und gilt {duration} lang.',
    notYou:
      'Ignorieren Sie diese E-Mail, dann bleibt Ihr Passwort, wie es ist. Geben Sie den Link nicht weiter: Wer ihn hat, kann ein neues Passwort festlegen.',
  },
  passkeyRecovery: {
    subject: 'Neuen Passkey für {name} erstellen',
    heading: 'Neuen Passkey erstellen',
    lead: 'Jemand möchte einen neuen Passkey für Ihr Konto bei {name} ({host}) erstellen. Wenn Sie das waren, öffnen Sie diesen Link:',
    button: 'Neuen Passkey erstellen',
    validity: 'Der Link funktioniert einmal und gilt {duration} lang.',
    notYou:
      'Ignorieren Sie diese E-Mail. Ihr Konto bleibt, wie es ist. Geben Sie den Link nicht weiter: Wer ihn hat, kommt möglicherweise in Ihr Konto.',
  },
  recoveryByOperator: {
    subject: 'Ein Link für ein neues Passwort bei {name}',
    heading: 'Ein Link für ein neues Passwort',
    lead: 'Am {time} wurde von den Betreibern von {name} ({host}) ein Link erstellt, mit dem ein neues Passwort für Ihr Konto festgelegt werden kann. Der Link funktioniert einmal und gilt {duration} lang. Er steht nicht in dieser E-Mail: Sie erhalten ihn auf anderem Weg.',
    notYou:
      'Jemand hat sich vielleicht für Sie ausgegeben. Wenden Sie sich sofort an die Betreiber von {name}, bevor der Link verwendet wird.',
  },
  passwordChanged: {
    subject: 'Ihr Passwort für {name} wurde geändert',
    heading: 'Ihr Passwort wurde geändert',
    byRecovery:
      'Das Passwort Ihres Kontos bei {name} ({host}) wurde am {time} geändert, mit einem Link, der an diese Adresse gesendet wurde.',
    byOperatorLink:
      'Das Passwort Ihres Kontos bei {name} ({host}) wurde am {time} geändert, mit einem Link, den die Betreiber übergeben haben.',
    byPerson: 'Das Passwort Ihres Kontos bei {name} ({host}) wurde am {time} auf Ihrer Kontoseite geändert.',
    byOperator: 'Die Betreiber von {name} ({host}) haben am {time} ein neues Passwort für Ihr Konto festgelegt.',
    notYouMailbox: 'Jemand anderes kann Ihre E-Mails lesen. Ändern Sie zuerst das Passwort Ihres Postfachs.',
    notYouOperator: 'Legen Sie selbst ein Passwort fest, das sonst niemand kennt:',
    button: 'Neues Passwort festlegen',
  },
  emailChanged: {
    subject: 'Ihre E-Mail-Adresse für {name} wurde geändert',
    heading: 'Ihre E-Mail-Adresse wurde geändert',
    lead: 'Die E-Mail-Adresse Ihres Kontos bei {name} ({host}) wurde am {time} geändert. Die neue Adresse lautet {newEmail}. E-Mails zu diesem Konto gehen jetzt dorthin.',
    leadRemoved:
      'Diese E-Mail-Adresse wurde am {time} aus Ihrem Konto bei {name} ({host}) entfernt. Das Konto hat jetzt keine E-Mail-Adresse.',
    notYou:
      'Machen Sie die Änderung rückgängig. Dazu brauchen Sie das Passwort, das vor der Änderung galt. Alle, die in dem Konto angemeldet sind, werden abgemeldet, und das Passwort wird entfernt. Ein neues legen Sie danach mit einem Link fest, den wir an diese Adresse senden. Der folgende Link gilt bis zum {until}:',
    button: 'Änderung rückgängig machen',
  },
  emailChangedByOperator: {
    subject: 'Ihre E-Mail-Adresse für {name} wurde geändert',
    heading: 'Ihre E-Mail-Adresse wurde geändert',
    lead: 'Die Betreiber von {name} ({host}) haben am {time} die E-Mail-Adresse Ihres Kontos geändert. Die neue Adresse lautet {newEmail}. E-Mails zu diesem Konto gehen jetzt dorthin.',
    leadRemoved: 'Die Betreiber von {name} ({host}) haben diese E-Mail-Adresse am {time} aus Ihrem Konto entfernt.',
    notExpected:
      'Wenden Sie sich an die Betreiber von {name}. Sie selbst können diese Änderung nicht rückgängig machen.',
  },
  emailChangeUndone: {
    subject: 'Die Änderung einer E-Mail-Adresse bei {name} wurde rückgängig gemacht',
    heading: 'Die Änderung der Adresse wurde rückgängig gemacht',
    lead: 'Diese E-Mail-Adresse wurde am {time} aus einem Konto bei {name} ({host}) entfernt. Jemand, der E-Mails an die vorherige Adresse lesen kann, hat die Änderung rückgängig gemacht, und das Konto hat wieder seine vorherige Adresse.',
    nothingToDo: 'Wenn Sie dieses Konto nicht kennen, müssen Sie nichts tun.',
    yours: 'Wenn es Ihr Konto ist',
    yoursText:
      'Mit dieser Adresse können Sie sich nicht mehr anmelden. Verwenden Sie die vorherige. Wenn das Passwort nicht mehr funktioniert, legen Sie auf der Anmeldeseite mit „Passwort vergessen?“ ein neues fest.',
  },
  notice: {
    time: 'Zeit',
    device: 'Gerät',
    network: 'Netzwerk',
    browserOnSystem: '{browser} unter {system}',
    unknownDevice: 'unbekannt',
    why: 'Sie erhalten diese E-Mail, weil sie die Sicherheit Ihres Kontos betrifft. Sie wird jedes Mal, wenn so etwas geschieht, an die bestätigte Adresse des Kontos gesendet.',
    report:
      'Wählen Sie „Das war ich nicht“. Sie weisen sich dann auf eine Art aus, die schon vor diesem Vorgang galt. Danach werden alle abgemeldet, alles, was dem Konto seither hinzugefügt wurde, wird entfernt, und Sie legen ein neues Passwort fest.',
    validity: 'Der Link funktioniert einmal und gilt bis zum {until}. Geben Sie ihn nicht weiter.',
    notMe: 'Das war ich nicht',
    setPassword: 'Vielleicht verwendet jemand anderes Ihr Konto. Legen Sie sofort ein neues Passwort fest:',
    setPasswordButton: 'Neues Passwort festlegen',
  },
  usernameChanged: {
    subject: 'Ihr Benutzername für {name} wurde geändert',
    heading: 'Ihr Benutzername wurde geändert',
    lead: 'Der Benutzername Ihres Kontos bei {name} ({host}) wurde geändert oder entfernt. Mit dem bisherigen können Sie sich nicht mehr anmelden.',
  },
  newBrowser: {
    subject: 'Anmeldung bei {name} in einem neuen Browser',
    heading: 'Anmeldung in einem neuen Browser',
    lead: 'Jemand hat sich in Ihrem Konto bei {name} ({host}) angemeldet, in einem Browser, der dafür bisher nicht verwendet wurde.',
  },
  factorAdded: {
    subject: 'Eine weitere Art der Anmeldung bei {name}',
    heading: 'Eine Art der Anmeldung wurde hinzugefügt',
    passkey:
      'Ihrem Konto bei {name} ({host}) wurde ein Passkey hinzugefügt. Damit kann man sich ohne Passwort anmelden.',
    totp: 'Für Ihr Konto bei {name} ({host}) wurden Einmalcodes eingerichtet. Zur Anmeldung mit dem Passwort braucht man jetzt auch einen Code aus einer App.',
    password: 'Für Ihr Konto bei {name} ({host}), das bisher kein Passwort hatte, wurde eines festgelegt.',
  },
  factorRemoved: {
    subject: 'Eine Art der Anmeldung bei {name} wurde entfernt',
    heading: 'Eine Art der Anmeldung wurde entfernt',
    passkey: 'Aus Ihrem Konto bei {name} ({host}) wurde ein Passkey entfernt. Damit kann man sich nicht mehr anmelden.',
    totp: 'Für Ihr Konto bei {name} ({host}) wurden die Einmalcodes abgeschaltet. Zur Anmeldung mit dem Passwort braucht man keinen Code mehr.',
    password:
      'Das Passwort Ihres Kontos bei {name} ({host}) wurde entfernt. Anmelden kann man sich jetzt nur noch mit einem Passkey.',
    all: 'Aus Ihrem Konto bei {name} ({host}) wurden alle Passkeys und Einmalcodes entfernt.',
    byOperator:
      'Die Betreiber von {name} ({host}) haben am {time} die Passkeys, Einmalcodes und Wiederherstellungscodes Ihres Kontos entfernt.',
    notExpected: 'Jemand hat sich vielleicht für Sie ausgegeben. Wenden Sie sich sofort an die Betreiber von {name}.',
  },
  recoveryCodeUsed: {
    subject: 'Ein Wiederherstellungscode für {name} wurde verwendet',
    heading: 'Ein Wiederherstellungscode wurde verwendet',
    lead: 'Ein Wiederherstellungscode Ihres Kontos bei {name} ({host}) wurde verwendet, anstelle eines Passkeys oder eines Einmalcodes.',
    left: 'Verbleibende Codes: {count}. Neue erstellen Sie auf Ihrer Kontoseite unter „Sicherheit“.',
  },
  recoveryCodesReplaced: {
    subject: 'Neue Wiederherstellungscodes für {name}',
    heading: 'Neue Wiederherstellungscodes wurden erstellt',
    lead: 'Für Ihr Konto bei {name} ({host}) wurden neue Wiederherstellungscodes erstellt. Frühere gelten nicht mehr.',
  },
  codesExhausted: {
    subject: 'Jemand kennt vielleicht Ihr Passwort für {name}',
    heading: 'Jemand kennt vielleicht Ihr Passwort',
    lead: 'Jemand hat das richtige Passwort Ihres Kontos bei {name} ({host}) eingegeben und danach zu viele falsche Codes. Die Anmeldung ist nicht gelungen.',
    paused:
      'Heute werden keine Einmalcodes mehr angenommen. Wiederherstellungscodes und Passkeys funktionieren weiterhin. Wenn Sie das nicht waren, ändern Sie Ihr Passwort.',
  },
  passkeyCounter: {
    subject: 'Ein Passkey für {name} wurde vielleicht kopiert',
    heading: 'Ein Passkey wurde vielleicht kopiert',
    lead: 'Ein Passkey Ihres Kontos bei {name} ({host}) wurde abgelehnt, weil er weniger Verwendungen gezählt hat als zuvor. Das geschieht, wenn ihn jemand kopiert hat.',
    remove:
      'Wenn Sie diesen Passkey selbst verwenden, entfernen Sie ihn auf Ihrer Kontoseite unter „Sicherheit“ und erstellen Sie einen neuen. Bis dahin wird er vielleicht erneut abgelehnt.',
  },
  accountDeleted: {
    subject: 'Ihr Konto bei {name} wurde gelöscht',
    heading: 'Ihr Konto wurde gelöscht',
    byPerson:
      'Ihr Konto bei {name} ({host}) wurde am {time} auf der Kontoseite gelöscht. Ihre Daten wurden gelöscht, und alle wurden abgemeldet.',
    byOperator:
      'Die Betreiber von {name} ({host}) haben am {time} Ihr Konto gelöscht. Ihre Daten wurden gelöscht, und alle wurden abgemeldet.',
    notYou:
      'Jemand anderes hatte Zugang zu Ihrem Konto. Wenden Sie sich an die Betreiber von {name}. Die Löschung lässt sich nicht rückgängig machen, aber sie können sehen, wann und von wo sie verlangt wurde.',
    notExpected: 'Wenden Sie sich an die Betreiber von {name}. Die Löschung lässt sich nicht rückgängig machen.',
  },
  reportLink: {
    subject: 'Melden Sie einen Vorgang in Ihrem Konto bei {name}',
    heading: 'Waren Sie das nicht?',
    lead: 'Jemand, der in Ihrem Konto bei {name} ({host}) angemeldet ist, möchte melden, dass ein Vorgang darin von jemand anderem stammt, und kann sich nicht mit dem ausweisen, was das Konto jetzt hat. Wenn Sie das sind, öffnen Sie diesen Link.',
    consequences:
      'Sie weisen sich dann auf eine Art aus, die schon vor dem gemeldeten Vorgang galt. Danach werden alle abgemeldet, alles, was dem Konto seither hinzugefügt wurde, wird entfernt, und Sie legen ein neues Passwort fest.',
    validity: 'Der Link funktioniert einmal und gilt bis zum {until}. Geben Sie ihn nicht weiter.',
    button: 'Das war ich nicht',
    notYou:
      'Jemand anderes ist in Ihrem Konto angemeldet. Geben Sie den Link nicht weiter. Melden Sie sich an, beenden Sie auf Ihrer Kontoseite die anderen Sitzungen und ändern Sie Ihr Passwort.',
  },
  accountReported: {
    subject: 'Ihr Konto bei {name} wurde gesichert',
    heading: 'Ihr Konto wurde gesichert',
    lead: 'Jemand hat gemeldet, dass ein Vorgang in Ihrem Konto bei {name} ({host}) von jemand anderem stammt, und sich ausgewiesen. Alle wurden abgemeldet, und das Passwort wurde entfernt, ebenso alles, was dem Konto seither hinzugefügt worden war.',
    next: 'Wenn Sie das waren und noch kein neues Passwort festgelegt haben, wählen Sie auf der Anmeldeseite „Passwort vergessen?“.',
    notYou: 'Jemand anderes kann Ihre E-Mails lesen oder kennt Ihr Passwort. Legen Sie sofort ein neues Passwort fest:',
    button: 'Neues Passwort festlegen',
  },
  invitation: {
    subject: 'Ihre Einladung zu {name}',
    heading: 'Erstellen Sie Ihr Konto bei {name}',
    greeting: 'Guten Tag {person},',
    lead: 'Sie wurden eingeladen, ein Konto bei {name} ({host}) zu erstellen. Öffnen Sie diesen Link und wählen Sie ein Passwort:',
    button: 'Konto erstellen',
    validity:
      'Der Link funktioniert einmal und gilt {duration} lang. Er ist nur für Sie bestimmt: Geben Sie ihn nicht weiter.',
    ignore: 'Ignorieren Sie diese E-Mail. Solange niemand den Link verwendet, wird kein Konto erstellt.',
  },
  test: {
    subject: 'Testnachricht von {name}',
    heading: 'Die E-Mail ist angekommen',
    lead: '{name} ({host}) kann E-Mails an diese Adresse senden. Die Betreiber haben diesen Test mit dem Befehl „signet mail test“ gesendet.',
    ignore: 'Sie können diese E-Mail ignorieren. Sie müssen nichts tun.',
  },
}
