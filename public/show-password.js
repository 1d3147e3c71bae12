// @ts-check
// Lets people see the password they typed. The box is hidden in the document, for without this script it could do nothing.

for (const box of document.querySelectorAll('input[data-reveals]')) {
  if (!(box instanceof HTMLInputElement)) continue
  const field = document.getElementById(box.dataset['reveals'] ?? '')
  if (!(field instanceof HTMLInputElement)) continue
  const show = () => {
    field.type = box.checked ? 'text' : 'password'
  }
  box.addEventListener('change', show)
  // A password that is sent from a text field would be offered to others as a suggestion by browsers that remember such fields.
  field.form?.addEventListener('submit', () => {
    field.type = 'password'
  })
  // Coming back with the browser's button: browsers restore the tick, not the type.
  window.addEventListener('pageshow', show)
  box.closest('label')?.removeAttribute('hidden')
}
