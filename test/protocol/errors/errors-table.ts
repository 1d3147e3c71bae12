import { errorNames, errorRegistry } from '../../../src/protocol/errors/error-registry.ts'

/** The sections of docs/errors.md, generated from the registry, with a table of contents by error code. */
export function errorsTable(): string {
  const sections = errorNames.map((name) => {
    const { error, status, description, fix } = errorRegistry[name]
    return `### ${name}\n\n\`${error}\`, HTTP ${status}: "${description.replace('{}', '…')}"\n\n${fix}`
  })
  return [contents(), ...sections].join('\n\n')
}

/** A row for each error code, in the order in which the registry first uses it. */
function contents(): string {
  const codes = [...new Set(errorNames.map((name) => errorRegistry[name].error))]
  const rows = codes.map((code) => {
    const links = errorNames.filter((name) => errorRegistry[name].error === code).map((name) => `[${name}](#${name})`)
    return `| \`${code}\` | ${links.join(' · ')} |`
  })
  return ['| `error` | what happened |', '|---|---|', ...rows].join('\n')
}
