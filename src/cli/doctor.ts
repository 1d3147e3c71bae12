import type { Command } from 'commander'
import { AlreadyReported, WrongUsage } from './command-failures.ts'
import { type Finding, groups } from './doctor/finding.ts'
import { json, notEmpty, oneValue } from './flags.ts'
import { type Format, oneLine } from './output.ts'
import { type Terminal, visibleJson } from './terminal.ts'
import { stopIfInterrupted } from './with-signet.ts'

interface Flags extends Format {
  readonly url?: string
}

/** `signet doctor`: finds problems with an installation, and says how to fix them. */
export function doctorCommand(program: Command, terminal: Terminal): void {
  program
    .command('doctor')
    .description('Check this installation for problems and say how to fix them. Changes nothing.')
    .addOption(
      notEmpty(oneValue('--url <url>', 'check this server instead of the issuer, such as a node behind the proxy')),
    )
    .addOption(json())
    .action(async ({ json: asJson, url }: Flags) => {
      const base = url === undefined ? undefined : originOf(url)
      const { examine } = await import('./doctor/examine.ts')
      const { environment, folder, stopSignal } = terminal
      const findings = await examine({ environment, folder, stopSignal, url: base })
      stopIfInterrupted(terminal)
      const count = (status: Finding['status']) => findings.filter((finding) => finding.status === status).length
      const [bad, warnings] = [count('bad'), count('warning')]
      if (asJson) terminal.writeOut(`${visibleJson({ findings, bad, warnings })}\n`)
      else
        terminal.writeOut(`${report(findings)}\n${bad} bad, ${warnings} ${warnings === 1 ? 'warning' : 'warnings'}.\n`)
      if (bad > 0) throw new AlreadyReported()
    })
}

/** @throws WrongUsage */
function originOf(url: string): string {
  const { protocol, origin, pathname, search } = URL.canParse(url) ? new URL(url) : new URL('about:blank')
  if (!/^https?:$/.test(protocol) || pathname !== '/' || search !== '')
    throw new WrongUsage('--url must be scheme, host and port, such as http://127.0.0.1:4000.')
  return origin
}

/** One line for each finding, in groups, with the advice below it if there is any. */
function report(findings: readonly Finding[]): string {
  const all: readonly string[] = Object.values(groups).flat()
  const width = Math.max(...all.map((check) => check.length))
  return Object.entries(groups)
    .map(([group, checks]) => {
      const lines = checks.flatMap((check) => findings.filter((finding) => finding.check === check))
      return [group, ...lines.flatMap((finding) => linesOf(finding, width))].join('\n')
    })
    .join('\n\n')
    .concat('\n')
}

function linesOf({ check, status, finding, advice }: Finding, width: number): string[] {
  const line = `  ${status.padEnd(7)}  ${check.padEnd(width)}  ${oneLine(finding)}`
  return advice === undefined ? [line] : [line, `  ${' '.repeat(7)}  ${' '.repeat(width)}  -> ${oneLine(advice)}`]
}
