import { errorNames, errorRegistry } from '../../../src/protocol/errors/error-registry.ts'

/** The sections of docs/errors.md, generated from the registry. */
export function errorsTable(): string {
  return errorNames
    .map((name) => {
      const { error, status, description, fix } = errorRegistry[name]
      return `### ${name}\n\n\`${error}\`, HTTP ${status}: "${description.replace('{}', '…')}"\n\n${fix}`
    })
    .join('\n\n')
}
