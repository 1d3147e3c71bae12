// tap registers a loader in each test's process, to know what was loaded when coverage is measured. We measure none, and before Node 24.13
// the loader is a thread that every module passes through: half a second for each of some 120 processes. Required before it is imported.
require('node:module').register = () => {}
