/**
 * URI schemes that browsers or operating systems handle themselves. A redirect to one runs a script, opens a file, a shell or a setting, starts
 * a call or passes the response to another program, so no application can own one. In lower case, grouped by what handles them.
 */
const reserved: ReadonlySet<string> = new Set(
  [
    // What browsers run, show or reserve for internal use, and the schemes of their extensions.
    'javascript jscript vbscript livescript mocha data blob filesystem file about view-source view-cache feed feeds jar wyciwyg',
    'resource cid mid urn tag mhtml res mk its ms chrome chromehtml edge opera opera.protocol brave bravehtml vivaldi devtools',
    'extension externalfile isolated-app uuid-in-package fuchsia-dir cros page-icon cached-favicon newtab-cached indexeddb',
    'gre-resources default-blocked googlechrome googlechromes x-web-search read intent content jnlp jnlps',
    // Protocols with clients in browsers or systems.
    'http https shttp ws wss ftp ftps sftp tftp ssh telnet rlogin tn3270 gopher wais ldap ldaps nntp news snews irc irc6',
    'ircs xmpp imap imaps pop rtsp rtsps rtspu rtmp rtmps mms mmst mmsu icy magnet ed2k ipfs ipns afp smb cifs nfs dav davs webdav',
    'webdavs vnc spice rdp disk disks webcal webcals dict whois whois++ finger ipp ipps dns dntp rsync svn svn+ssh git git+ssh',
    'stun stuns turn turns coap coaps mqtt mqtts snmp jms acap mupdate sieve service pkcs11 prospero modem fax videotex',
    'iris.beep iris.lwz iris.xpc soap.beep soap.beeps xmlrpc.beep xmlrpc.beeps z39.50 z39.50r z39.50s',
    // People and calls.
    'mailto mapi mapi16 tel telprompt callto sip sips h323 sms smsto mmsto imessage voicemail facetime dtmf conf',
    'facetime-audio facetime-prompt im aim ichat pres geo maps map mapitem calshow calinvite addressbook message contact',
    // Windows, including names that it does not let applications register.
    'shell hcp search stickynotes ldap+tls help insiderhub feedback-hub calculator tbauth zune office wallet',
    'outlookmail outlookcal outlookaccounts odopen onedrive grvopen stssync iehistory ierss mssharepointclient msteams',
    'msnweather msdigitallocker msbd pcast wpc wpa xbls dlna-playsingle armodelviewing usertileprovider unknown internetshortcut',
    'batfile cerfile cmdfile comfile cplfile dllfile drvfile exefile fonfile hlpfile htafile inffile insfile jsefile lnkfile',
    'ocxfile piffile regfile scrfile scriptletfile shbfile shcmdfile shsfile sysfile ttffile vbefile vbsfile wsffile wsfile',
    'wshfile chm.file application.manifest application.reference msi.package msi.patch',
    // macOS and iOS.
    'x-man-page x-help-action x-help-script x-dictionary x-radar x-terminal x-hm app-prefs app-settings workflow',
    'macappstore macappstores macosxserverinvite icloud-sharing videos ibooks itls ical xcode xcdoc xcdevice garageband',
    'music musics gamecenter podcast podcasts mobilenotes mobilephone mobilephone-recents vmshow shareddocuments shoebox',
    'diagnostics diags findmy findmyfriends fmip1 fmf1 grenada activitytoday fitnessapp nanomaps newsstand settings-navigation',
    // Android and Linux desktops, and LibreOffice.
    'market package samsungapps amzn appmarket mimarket wifi dpp lpa',
    'apt apturl aptitude ymp snap appstream flatpak flatpak+https ghelp man info trash computer network starred kdeconnect',
    'recent admin burn mtp gphoto2 archive afc obex obexftp bluetooth dns-sd google-drive fish remote settings programs',
    'applications desktop fonts macro uno slot',
    // Wallets and authenticators, which systems open for any website.
    'siopv2 haip mdoc mdoc-openid4vp eudi-openid4vp didcomm fido otpauth otpauth-migration bitcoin lightning lnurl lnurlp lnurlw',
    'lnurlc keyauth ethereum web3 payto pay upi',
  ].flatMap((names) => names.split(' ')),
)

/**
 * Prefixes of families that grow with each version: any name that starts with one is reserved. `web+` and `ext+` are for websites and
 * extensions: any site can register itself as their handler (HTML, Custom scheme handlers). Vendors use `vnd.` for names that are not domain
 * names (LibreOffice, OpenOffice, Windows Media, YouTube).
 */
const reservedFamilies: readonly string[] = [
  // Browsers.
  'chrome-',
  'edge-',
  'firefox',
  'moz-',
  'msedge',
  'safari-',
  'x-safari-',
  'webkit-',
  'devtools-',
  'web+',
  'ext+',
  // Windows and the Microsoft applications that come with it.
  'ms-',
  'ms.',
  'microsoft',
  'com.microsoft.',
  'mswindows',
  'windows',
  'explorer.',
  'ie.assoc',
  'search-',
  'xbox',
  'bing',
  'onenote',
  'outlook.',
  'skype',
  'lync15',
  'wmp11.',
  // Apple's.
  'apple',
  'x-apple',
  'com-apple',
  'com.apple.',
  'itms',
  'itunes',
  'photos-',
  'clock-',
  'prefs',
  'shortcuts',
  // Android, and vendors.
  'android.',
  'android-',
  'com.android.',
  'com.google.android.',
  'google.',
  'vnd.',
  // Wallets.
  'openid',
  'haip-',
]

/**
 * Internet Explorer's `ie.http`, `ie.https`, `ie.ftp` and similar names. Only names of two labels: `ie` is also the top-level domain of
 * Ireland, and Irish apps have three labels (`ie.example.notes`).
 */
const internetExplorer = /^ie\.[^.]*$/

/**
 * Whether a scheme belongs to browsers or operating systems.
 *
 * @param scheme without the colon, in any case
 */
export function isReservedScheme(scheme: string): boolean {
  const name = scheme.toLowerCase()
  // A single letter is a drive on Windows.
  if (name.length < 2 || reserved.has(name) || internetExplorer.test(name)) return true
  return reservedFamilies.some((family) => name.startsWith(family))
}

/**
 * Generic top-level domains that applications are named after. The list is deliberately incomplete: systems use many others in their own
 * schemes (`android`, `microsoft`, `office`, `windows`). An operator can register an application under any.
 */
const genericDomains: ReadonlySet<string> = new Set(
  [
    'com org net edu gov mil int info biz name pro mobi coop museum aero jobs travel cat asia tel post example',
    'app dev page cloud tech technology software systems digital online site website web space zone world global',
    'xyz club life live today team group company agency studio design media art photo photos video music audio film',
    'news blog press chat email social community network wiki foundation charity ngo ong church',
    'shop store market delivery restaurant food cafe pub bar kitchen recipes garden house homes land estate properties',
    'finance financial money bank credit cash insurance insure fund capital ventures holdings tax accountant legal law',
    'health healthcare care clinic doctor dental hospital pharmacy fit fitness yoga run bike golf football hockey',
    'school academy education university college courses training institute guru expert science engineering energy',
    'games game play fun tools works work services solutions support help host hosting codes computer data security',
    'guide events tickets tours vacations flights hotels taxi cab auto cars auction gallery fashion beauty salon',
    'berlin hamburg koeln cologne wien london paris amsterdam nyc tokyo swiss scot wales bayern ruhr saarland eus gal bzh',
  ].flatMap((names) => names.split(' ')),
)

/**
 * Whether a scheme is a reversed domain name, as RFC 8252 §7.1 requires of apps: at least two labels, the first of which is a top-level
 * domain (of a country, internationalised, or one of the generic ones above). The name is not looked up in DNS.
 *
 * @param scheme without the colon, in lower case
 */
export function isReversedDomain(scheme: string): boolean {
  const labels = scheme.split('.')
  const [top = ''] = labels
  if (labels.length < 2 || !labels.every((label) => /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(label))) return false
  return /^[a-z]{2}$/.test(top) || top.startsWith('xn--') || genericDomains.has(top)
}
