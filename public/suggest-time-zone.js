// @ts-check
// Offers the time zone of the browser below a field for one, unless it is chosen already.

for (const field of document.querySelectorAll('[data-suggestion]')) {
  const select = field.querySelector('select')
  if (field instanceof HTMLElement && select) suggest(field, select)
}

/** @param {HTMLElement} field @param {HTMLSelectElement} select */
function suggest(field, select) {
  const zone = new Intl.DateTimeFormat().resolvedOptions().timeZone
  if (!zone || select.value === zone) return
  const find = () => [...select.options].find(({ value }) => value === zone)
  const button = document.createElement('button')
  button.type = 'button'
  button.className = 'link suggestion'
  button.id = `${select.id}-suggestion`
  button.textContent = (field.dataset['suggestion'] ?? '').replace('{zone}', () => find()?.textContent ?? zone)
  button.addEventListener('click', () => {
    // The browser may know a name that the server does not list.
    if (!find()) select.add(new Option(zone, zone))
    select.value = zone
    button.remove()
    select.focus()
  })
  field.append(button)
}
