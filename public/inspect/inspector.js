// @ts-check
// The token inspector is made of modules. A page's scripts are plain ones, and this plain one calls for them.

import('./page.js')
