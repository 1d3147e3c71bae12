import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { exampleApplication } from '../../src/cli/recipes/application.ts'
import type { Part } from '../../src/cli/recipes/recipe.ts'
import { findRecipe, kindsOf, partsFor, recipes } from '../../src/cli/recipes/recipes.ts'
import { packageFolder } from '../../src/platform/config/installation-folder.ts'

const folder = join(packageFolder, 'docs/clients')

/** The pages about client libraries: recipes and their index. */
export function clientPages(): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.md'))
    .sort()
    .map((name) => join(folder, name))
}

const block =
  /^<!-- (signet clients show --for (?<name>[\w-]+)|(?<itself>[\w-]+) registers itself|recipes) -->$[\s\S]*?^<!-- end -->$/gm

/**
 * The text of a page with its generated blocks filled in. A block stands between `<!-- signet clients show --for NAME -->` and `<!-- end -->`, or
 * between `<!-- NAME registers itself -->` and `<!-- end -->`.
 * The index of all recipes stands between `<!-- recipes -->` and `<!-- end -->`.
 */
export function withClientBlocks(text: string): string {
  return text.replace(block, (_all, opening: string, name: string | undefined, itself: string | undefined) => {
    const content = name ? configurationBlock(name) : itself ? registrationBlock(itself) : index()
    return `<!-- ${opening} -->\n${content}\n<!-- end -->`
  })
}

/** A configuration with placeholders, as `signet clients show --for` prints it. */
function configurationBlock(name: string): string {
  const recipe = findRecipe(name)
  if (!recipe) throw new Error(`There is no recipe ${name}.`)
  return blockOf(partsFor(recipe, exampleApplication(recipe.ways[0], recipe.callback ?? '/callback')))
}

/** How an application registers itself where registration is open. */
function registrationBlock(name: string): string {
  const registersItself = findRecipe(name)?.registersItself
  if (!registersItself) throw new Error(`There is no recipe ${name} that registers itself.`)
  return blockOf(registersItself({ issuer: 'https://id.example.com', initialAccessToken: undefined }))
}

function blockOf(parts: readonly Part[]): string {
  return parts.map(({ file, language, text }) => `${labelOf(file)}:\n\n\`\`\`${language}\n${text}\n\`\`\``).join('\n\n')
}

/** A name of a file is set as code; a description begins the line. */
function labelOf(file: string): string {
  return /[ ']/.test(file) ? `${file.charAt(0).toUpperCase()}${file.slice(1)}` : `\`${file}\``
}

function index(): string {
  const pages = clientPages().map((file) => ({ name: file.slice(folder.length + 1), text: readFileSync(file, 'utf8') }))
  const named = pages.map(({ name, text }) => ({
    name,
    recipes: [...text.matchAll(block)].flatMap(({ groups }) => groups?.['name'] ?? []),
    title: /^# (.+)$/m.exec(text)?.[1] ?? name,
  }))
  const rows = Object.entries(recipes).map(([name, recipe]) => {
    const page = named.find((candidate) => candidate.recipes.includes(name))
    const title = page === undefined ? recipe.title : `[${recipe.title}](${page.name})`
    return `| ${title} | \`${name}\` | ${kindsOf(recipe).join(', ')} |`
  })
  const others = named.filter((page) => page.recipes.length === 0 && page.name !== 'README.md')
  const links = others.map(({ name, title }) => `[${title}](${name})`)
  return [
    ...['| library or program | `--for` | `--kind` |', '|---|---|---|', ...rows],
    ...(links.length === 0 ? [] : ['', `Pages without a configuration to print: ${links.join(', ')}.`]),
  ].join('\n')
}
