// @ts-check
// The token inspector consists of modules. Pages load classic scripts, and this one imports the modules.

import('./page.js')
