/* The buttons that copy and print recovery codes. Without this script they stay hidden: the codes can be downloaded, selected and printed from the menu. */

for (const button of document.querySelectorAll('[data-copies]')) {
  if (!navigator.clipboard) continue
  button.hidden = false
  button.addEventListener('click', async () => {
    const codes = document.getElementById(button.dataset.copies).querySelectorAll('code')
    try {
      await navigator.clipboard.writeText([...codes].map((code) => code.textContent).join('\n'))
      document.getElementById('codes-status').textContent = button.dataset.done
    } catch {
      // The browser did not allow it. The codes can still be selected.
      button.hidden = true
    }
  })
}

for (const button of document.querySelectorAll('[data-prints]')) {
  button.hidden = false
  button.addEventListener('click', () => window.print())
}
