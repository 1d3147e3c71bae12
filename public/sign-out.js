// @ts-check
// Goes on to the application after a sign-out, when the pages of the other applications have loaded (OpenID Connect Front-Channel Logout §3). A page that loads for too long, or never ends,
// is left behind. Without scripts, the page does the same after a while (`SignedOutPage`). If it leads nowhere by itself, it stays.

/** Milliseconds. */
const maxWait = 5000

const link = document.getElementById('continue')
let hasLeft = false

function leave() {
  if (hasLeft || !(link instanceof HTMLAnchorElement)) return
  hasLeft = true
  removeFrames()
  // The page before this one is over: going back must not lead here.
  location.replace(link.href)
}

/** The pages in frames would be asked whether this page may be left (`beforeunload`). One whose script never ends would keep the person here. */
function removeFrames() {
  for (const frame of document.querySelectorAll('iframe')) frame.remove()
}

// It comes after all frames have loaded, or failed to.
window.addEventListener('load', leave)
setTimeout(leave, maxWait)
document.addEventListener('click', (event) => {
  if (event.target instanceof Element && event.target.closest('a')) removeFrames()
})
