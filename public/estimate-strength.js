// @ts-check
// A worker that estimates how hard passwords are to guess, because an estimate can take a tenth of a second. It sends nothing anywhere.

const worker = /** @type {any} */ (globalThis)
worker.importScripts('/assets/estimator/zxcvbn.js')
const { core, 'language-common': common } = worker.zxcvbnts
const estimator = new core.ZxcvbnFactory({
  dictionary: common.dictionary,
  graphs: common.adjacencyGraphs,
  // An estimate takes longer the longer the password is, and a longer one is no longer hard to judge.
  maxLength: 100,
})

/** @param {{ data: { password: string, words: string[] } }} message `words`: what somebody who knows the person would try */
worker.onmessage = ({ data: { password, words } }) => worker.postMessage(estimator.check(password, words).score)
