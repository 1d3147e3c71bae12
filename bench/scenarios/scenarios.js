import { clientCredentials } from './client-credentials.js'
import { codeFlows } from './code-flow.js'
import { documents } from './documents.js'
import { presentedToken } from './presented-token.js'
import { refresh } from './refresh.js'

/** All of them, in the order of the report. */
export const scenarios = [...clientCredentials, ...documents, ...refresh, ...codeFlows, ...presentedToken]
