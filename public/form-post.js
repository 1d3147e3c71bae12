// @ts-check
// Submits the authorization response (OAuth 2.0 Form Post Response Mode §2). Without scripts, the person presses the button.

const form = document.querySelector('form')
const button = document.querySelector('button')
if (form && button) {
  // A second press would send the same code again, and a code is valid only once.
  button.disabled = true
  // Not form.submit(): a parameter named `submit` would shadow the method.
  HTMLFormElement.prototype.submit.call(form)
}
