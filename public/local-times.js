// @ts-check
// Shows times in the time zone of the browser. Without this script, and for people with a time zone in their profile, the server's
// text stays: it names its zone.

const zone = new Intl.DateTimeFormat().resolvedOptions().timeZone

for (const time of document.querySelectorAll('time[data-local]')) {
  if (!(time instanceof HTMLTimeElement)) continue
  /** @type {Intl.DateTimeFormatOptions} */
  const date = { year: 'numeric', month: 'long', day: 'numeric', timeZone: zone }
  /** @type {Intl.DateTimeFormatOptions} */
  const options =
    time.dataset['local'] === 'date' ? date : { ...date, hour: 'numeric', minute: '2-digit', timeZoneName: 'short' }
  time.textContent = new Intl.DateTimeFormat(document.documentElement.lang, options).format(new Date(time.dateTime))
}
