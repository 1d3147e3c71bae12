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
    notYouRecovery:
      'Jemand anderes kann Ihre E-Mails lesen. Ändern Sie zuerst das Passwort Ihres Postfachs. Legen Sie dann sofort ein neues Passwort für {name} fest:',
    notYouPerson: 'Vielleicht verwendet jemand anderes Ihr Konto. Legen Sie sofort ein neues Passwort fest:',
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
