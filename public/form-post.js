// @ts-check
// Sends the authorization response on (OAuth 2.0 Form Post Response Mode §2). Where scripts are off, the button does it.

const form = document.querySelector('form')
const button = document.querySelector('button')
if (form && button) {
  // A second press would deliver the same code a second time, and codes are good for once.
  button.disabled = true
  // Not form.submit(): a parameter by the name of `submit` would stand in its place.
  HTMLFormElement.prototype.submit.call(form)
}
