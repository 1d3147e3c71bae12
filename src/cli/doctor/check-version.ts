import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageFolder } from '../../platform/config/installation-folder.ts'
import { bad, type Finding, good } from './finding.ts'

/** Which Signet this is, and whether it runs on a Node that it is made for. */
export function checkVersion(): Finding {
  const { version, engines } = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8')) as {
    version: string
    engines: { node: string }
  }
  return judgeVersion(version, engines.node.replace('>=', ''), process.versions.node)
}

/** @param needed the oldest Node: major and minor */
export function judgeVersion(signet: string, needed: string, node: string): Finding {
  const [neededMajor = 0, neededMinor = 0] = needed.split('.').map(Number)
  const [major = 0, minor = 0] = node.split('.').map(Number)
  const what = `Signet ${signet} on Node ${node}`
  return major > neededMajor || (major === neededMajor && minor >= neededMinor)
    ? good('version', `${what}.`)
    : bad('version', `${what}, which is too old.`, `Install Node ${needed} or later.`)
}
