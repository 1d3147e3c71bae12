/* The buttons that copy and print recovery codes. Without this script they stay hidden: the codes can be downloaded, selected and printed from the menu. */

for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (document.querySelectorAll('[data-copies]'))) {
  const list = document.getElementById(button.dataset['copies'] ?? '')
  const status = document.getElementById('codes-status')
  if (!navigator.clipboard || !list || !status) continue
  button.hidden = false
  button.addEventListener('click', async () => {
    const codes = [...list.querySelectorAll('code')].map((code) => code.textContent)
    try {
      await navigator.clipboard.writeText(codes.join('\n'))
      status.textContent = button.dataset['done'] ?? ''
    } catch {
      // The browser did not allow it. The codes can still be selected.
      button.hidden = true
    }
  })
}

for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (document.querySelectorAll('[data-prints]'))) {
  button.hidden = false
  button.addEventListener('click', () => window.print())
}
