// @ts-check
// Lets people see the password they typed. The checkbox is hidden in the document, because without this script it would do nothing.

for (const box of document.querySelectorAll('input[data-reveals]')) {
  if (!(box instanceof HTMLInputElement)) continue
  const field = document.getElementById(box.dataset['reveals'] ?? '')
  if (!(field instanceof HTMLInputElement)) continue
  const show = () => {
    field.type = box.checked ? 'text' : 'password'
  }
  box.addEventListener('change', show)
  // Browsers remember what is sent from a text field, and would suggest the password to others.
  field.form?.addEventListener('submit', () => {
    field.type = 'password'
  })
  // After going back in history: browsers restore the tick, but not the type.
  window.addEventListener('pageshow', show)
  box.closest('label')?.removeAttribute('hidden')
}
