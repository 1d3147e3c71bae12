/**
 * URI schemes that a browser or an operating system acts on itself. A redirect to one runs a script, opens a file, a shell or a setting, starts
 * a call or hands the response to another program, so no application can have one as its own. In lower case, each with its family.
 */
const reserved: ReadonlySet<string> = new Set(
  [
    // What browsers run, show or keep to themselves, and the schemes of their extensions.
    'javascript vbscript livescript mocha data blob filesystem file about view-source feed jar wyciwyg',
    'resource cid mid urn mhtml res mk its ms chrome edge opera brave vivaldi devtools extension isolated-app',
    'uuid-in-package googlechrome googlechromes firefox x-web-search x-safari-http x-safari-https read intent',
    'content android-app android.resource ie.http',
    // Protocols that browsers or systems have clients for.
    'http https ws wss ftp ftps sftp tftp ssh telnet rlogin tn3270 gopher wais ldap ldaps nntp news snews irc',
    'ircs xmpp imap imaps pop rtsp rtmp mms mmst mmsu magnet ipfs ipns afp smb cifs nfs dav davs webdav',
    'webdavs vnc rdp disk disks webcal webcals',
    // People and calls.
    'mailto mapi tel telprompt callto sip sips h323 skype sms smsto mmsto imessage voicemail facetime',
    'facetime-audio facetime-prompt im pres geo maps map calshow addressbook message contact',
    // Windows.
    'shell hcp search search-ms stickynotes onenote onenote-cmd ldap+tls help insiderhub windowsdefender',
    'bingmaps bingweather bingnews xbox',
    // macOS and iOS.
    'x-man-page x-help-action x-help-script x-radar x-terminal prefs app-prefs app-settings shortcuts workflow',
    'macappstore macappstores apple-news applenews applenewss icloud-sharing photos-redirect videos ibooks',
    'music',
    // Android and Linux desktops.
    'market package apt aptitude snap appstream flatpak flatpak+https ghelp man info trash computer network',
    'recent admin burn mtp gphoto2 archive',
    // Wallets and authenticators, which systems open for any verifier.
    'openid openid4vp openid-vc openid-credential-offer haip mdoc mdoc-openid4vp eudi-openid4vp fido otpauth',
    'otpauth-migration bitcoin lightning ethereum web3 payto pay upi',
  ].flatMap((names) => names.split(' ')),
)

/**
 * Families that grow with each version. `web+` and `ext+` are for websites and extensions: any site can ask a browser to be the one that
 * opens them (HTML, Custom scheme handlers).
 */
const reservedFamilies =
  /^(?:ms-|ms\.|microsoft[-.]|xbox-|search-|chrome-|edge-|moz-|safari-|webkit-|devtools-|web\+|ext\+|itms|itunes|x-apple|com-apple|com\.apple\.|apple-|vnd\.ms\.)/

/**
 * Whether a scheme can only mean a browser or the operating system.
 *
 * @param scheme without the colon, in any case
 */
export function isReservedScheme(scheme: string): boolean {
  const name = scheme.toLowerCase()
  // One letter is a drive on Windows.
  return name.length < 2 || reserved.has(name) || reservedFamilies.test(name)
}
