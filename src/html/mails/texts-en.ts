/**
 * The texts of mails in English. Every other language has exactly the same keys.
 *
 * `{name}` is the name of the installation and `{host}` its host. Subjects may contain `{name}` only: nothing that a person chose.
 */
export const textsEn = {
  common: {
    sentBy: '{name} ({host}) sent this e-mail to {to}.',
    copyLink: 'If the button does not work, copy this address into your browser:',
    notYou: 'If this was not you',
    notExpected: 'If you did not expect this',
    nothingToDo: 'If this was you, there is nothing to do.',
    askedFor: 'If you asked for this, there is nothing to do.',
    getHelp: 'If you cannot get into your account, get help:',
    contact: 'If you cannot get into your account, contact the people who run {name}.',
    help: 'Help',
    privacy: 'Privacy policy',
  },
  verification: {
    subject: 'Verify your e-mail address for {name}',
    heading: 'Verify your e-mail address',
    signUp:
      'Somebody has created an account at {name} ({host}) with this e-mail address. If it was you, enter this code on the page that asks for it:',
    change:
      'Somebody who is signed in to an account at {name} ({host}) wants to use this e-mail address for it. If it is you, enter this code on the page that asks for it:',
    again:
      'Somebody has asked for a new code to verify this e-mail address at {name} ({host}). If it was you, enter this code on the page that asks for it:',
    orLink: 'Or open this link, if no page asks for the code or you are on another device:',
    button: 'Verify this address',
    validity:
      'The code and the link work once, for {duration}. Do not share them. Nobody at {name} will ask you for them.',
    notYou:
      'Somebody has entered your address, perhaps by mistake. Open the link and choose “I did not ask for this”: that account can then no longer use your address. If you do nothing, the address is not verified.',
  },
  addressInUse: {
    subject: 'You already have an account at {name}',
    heading: 'You already have an account',
    lead: 'Somebody has entered this e-mail address at {name} ({host}), for a new account or as a new address. It already belongs to an account, and that has not changed. If it was you, sign in with that account:',
    button: 'Sign in',
    forgotten: 'If you do not remember the password, choose “Forgot your password?” there.',
    notYou: 'There is nothing to do. Nobody has gained access to your account.',
  },
  recovery: {
    subject: 'Set a new password for {name}',
    heading: 'Set a new password',
    lead: 'Somebody has asked to set a new password for your account at {name} ({host}). If it was you, open this link:',
    button: 'Set a new password',
    validity: 'The link works once, for {duration}.',
    notYou:
      'Ignore this e-mail. Your password stays as it is. Do not share the link: anyone who has it can set a new password.',
  },
  passkeyRecovery: {
    subject: 'Create a new passkey for {name}',
    heading: 'Create a new passkey',
    lead: 'Somebody has asked to create a new passkey for your account at {name} ({host}). If it was you, open this link:',
    button: 'Create a new passkey',
    validity: 'The link works once, for {duration}.',
    notYou:
      'Ignore this e-mail. Your account stays as it is. Do not share the link: anyone who has it may get into your account.',
  },
  recoveryByOperator: {
    subject: 'A link to set a new password at {name}',
    heading: 'A link to set a new password',
    lead: 'On {time}, an operator of {name} ({host}) created a link to set a new password for your account. The link works once, for {duration}. It is not in this e-mail: the operator will give it to you.',
    notYou:
      'Somebody may have pretended to be you. Contact the people who run {name} right away, before the link is used.',
  },
  passwordChanged: {
    subject: 'Your password for {name} was changed',
    heading: 'Your password was changed',
    byRecovery:
      'The password of your account at {name} ({host}) was changed on {time}, with a link that had been sent to this address.',
    byOperatorLink:
      'The password of your account at {name} ({host}) was changed on {time}, with a link that an operator had handed over.',
    byPerson: 'The password of your account at {name} ({host}) was changed on {time}, on your account page.',
    byOperator: 'An operator of {name} ({host}) set a new password for your account on {time}.',
    notYouMailbox: 'Somebody else can read your e-mail. First change the password of your mailbox.',
    notYouOperator: 'Set a password of your own, which nobody else knows:',
    button: 'Set a new password',
  },
  emailChanged: {
    subject: 'Your e-mail address for {name} was changed',
    heading: 'Your e-mail address was changed',
    lead: 'The e-mail address of your account at {name} ({host}) was changed on {time}. The new address is {newEmail}. E-mail about the account now goes there.',
    leadRemoved:
      'This e-mail address was removed from your account at {name} ({host}) on {time}. The account has no e-mail address now.',
    notYou:
      'Undo the change. You need the password that the account had before it. Everybody who is signed in to the account will be signed out, and its password will be removed. You then set a new one with a link that we send to this address. The link below works until {until}:',
    button: 'Undo the change',
  },
  emailChangedByOperator: {
    subject: 'Your e-mail address for {name} was changed',
    heading: 'Your e-mail address was changed',
    lead: 'An operator of {name} ({host}) changed the e-mail address of your account on {time}. The new address is {newEmail}. E-mail about the account now goes there.',
    leadRemoved: 'An operator of {name} ({host}) removed this e-mail address from your account on {time}.',
    notExpected: 'Contact the people who run {name}. You cannot undo this change yourself.',
  },
  emailChangeUndone: {
    subject: 'A change of e-mail address at {name} was undone',
    heading: 'The change of address was undone',
    lead: 'This e-mail address was removed from an account at {name} ({host}) on {time}. Somebody who can read mail at the previous address undid the change, and the account has its previous address again.',
    nothingToDo: 'If you do not know this account, there is nothing to do.',
    yours: 'If it is your account',
    yoursText:
      'You can no longer sign in with this address. Use the previous one. If the password does not work any more, set a new one with “Forgot your password?” on the sign-in page.',
  },
  notice: {
    time: 'Time',
    device: 'Device',
    network: 'Network',
    browserOnSystem: '{browser} on {system}',
    unknownDevice: 'unknown',
    why: 'You receive this e-mail because it is about the security of your account. It is sent to the verified address of the account each time something like this happens.',
    report:
      'Choose “This was not me”. You will be asked to prove who you are, in a way that worked before this happened. Then everybody is signed out, whatever was added to the account since then is removed, and you set a new password.',
    validity: 'The link works once, until {until}. Do not share it.',
    notMe: 'This was not me',
    setPassword: 'Somebody else may be using your account. Set a new password right away:',
    setPasswordButton: 'Set a new password',
  },
  usernameChanged: {
    subject: 'Your user name for {name} was changed',
    heading: 'Your user name was changed',
    lead: 'The user name of your account at {name} ({host}) was changed or removed. You can no longer sign in with the previous one.',
  },
  newBrowser: {
    subject: 'A new browser signed in to {name}',
    heading: 'A new browser signed in to your account',
    lead: 'Somebody signed in to your account at {name} ({host}) in a browser that had not been used for it before.',
  },
  factorAdded: {
    subject: 'A way to sign in to {name} was added',
    heading: 'A way to sign in was added',
    passkey: 'A passkey was added to your account at {name} ({host}). It signs in to the account without a password.',
    totp: 'One-time codes were set up for your account at {name} ({host}). Signing in with the password now also takes a code from an app.',
    password: 'A password was set for your account at {name} ({host}), which had none before.',
  },
  factorRemoved: {
    subject: 'A way to sign in to {name} was removed',
    heading: 'A way to sign in was removed',
    passkey: 'A passkey was removed from your account at {name} ({host}). It no longer signs in to the account.',
    totp: 'One-time codes were switched off for your account at {name} ({host}). Signing in with the password no longer takes a code.',
    password:
      'The password was removed from your account at {name} ({host}). Only passkeys sign in to the account now.',
    all: 'All passkeys and one-time codes were removed from your account at {name} ({host}).',
    byOperator:
      'An operator of {name} ({host}) removed the passkeys, one-time codes and recovery codes of your account on {time}.',
    notExpected: 'Somebody may have pretended to be you. Contact the people who run {name} right away.',
  },
  recoveryCodeUsed: {
    subject: 'A recovery code was used at {name}',
    heading: 'A recovery code was used',
    lead: 'A recovery code of your account at {name} ({host}) was used, in place of a passkey or a one-time code.',
    left: 'Codes left: {count}. You can create new ones on your account page, under Security.',
  },
  recoveryCodesReplaced: {
    subject: 'New recovery codes for {name}',
    heading: 'New recovery codes were created',
    lead: 'New recovery codes were created for your account at {name} ({host}). Earlier ones no longer work.',
  },
  codesExhausted: {
    subject: 'Somebody may know your password for {name}',
    heading: 'Somebody may know your password',
    lead: 'Somebody entered the right password of your account at {name} ({host}), and then too many wrong codes. They were not signed in.',
    paused:
      'One-time codes are not accepted any more today. Recovery codes and passkeys still work. If this was not you, change your password.',
  },
  passkeyCounter: {
    subject: 'A passkey for {name} may have been copied',
    heading: 'A passkey may have been copied',
    lead: 'A passkey of your account at {name} ({host}) was refused, because it had counted fewer uses than before. That happens if somebody has copied it.',
    remove:
      'If you use this passkey yourself, remove it on your account page, under Security, and create another one. Until then it may be refused again.',
  },
  accountDeleted: {
    subject: 'Your account at {name} was deleted',
    heading: 'Your account was deleted',
    byPerson:
      'Your account at {name} ({host}) was deleted on {time}, on its account page. Your data was erased, and everybody was signed out.',
    byOperator:
      'An operator of {name} ({host}) deleted your account on {time}. Your data was erased, and everybody was signed out.',
    notYou:
      'Somebody else had access to your account. Contact the people who run {name}. The deletion cannot be undone, but they can see when and from where it was requested.',
    notExpected: 'Contact the people who run {name}. The deletion cannot be undone.',
  },
  reportLink: {
    subject: 'Report something in your account at {name}',
    heading: 'Was this not you?',
    lead: 'Somebody who is signed in to your account at {name} ({host}) wants to report that something in it was not them, and cannot prove who they are with the factors that the account has now. If it is you, open this link.',
    consequences:
      'You will be asked to prove who you are, in a way that worked before what you report. Then everybody is signed out, whatever was added to the account since then is removed, and you set a new password.',
    validity: 'The link works once, until {until}. Do not share it.',
    button: 'This was not me',
    notYou:
      'Somebody else is signed in to your account. Do not share the link. Sign in, end the other sessions on your account page, and change your password.',
  },
  accountReported: {
    subject: 'Your account at {name} was secured',
    heading: 'Your account was secured',
    lead: 'Somebody reported that something in your account at {name} ({host}) was not them, and proved who they are. Everybody was signed out, the password was removed, and so was whatever had been added to the account since then.',
    next: 'If this was you and you have not set a new password yet, choose “Forgot your password?” on the sign-in page.',
    notYou: 'Somebody else can read your e-mail, or has your password. Set a new password right away:',
    button: 'Set a new password',
  },
  invitation: {
    subject: 'Your invitation to {name}',
    heading: 'Create your account at {name}',
    greeting: 'Hello {person},',
    lead: 'You have been invited to create an account at {name} ({host}). Open this link and choose a password:',
    button: 'Create your account',
    validity: 'The link works once, for {duration}. It is for you only, so do not share it.',
    ignore: 'Ignore this e-mail. No account is created unless somebody uses the link.',
  },
  test: {
    subject: 'Test e-mail from {name}',
    heading: 'The e-mail has arrived',
    lead: '{name} ({host}) can send e-mail to this address. An operator sent this test with the command “signet mail test”.',
    ignore: 'You can ignore this e-mail. There is nothing to do.',
  },
}
