import type { Option } from 'commander'
import type { RegisteredClient } from '../operations/client-registration.ts'
import { CommandFailed, WrongUsage } from './command-failures.ts'
import { notEmpty, oneValue } from './flags.ts'
import { type Document, printOne } from './output.ts'
import { applicationOf, wayOf } from './recipes/application.ts'
import type { Recipe } from './recipes/recipe.ts'
import { configurationDocument, findRecipe, instructions, misfit, unknownRecipe } from './recipes/recipes.ts'
import { type Terminal, visible } from './terminal.ts'

export interface ForFlag {
  readonly for?: string
}

/** `--for`, which prints the configuration of a library or program. */
export function forOption(): Option {
  return notEmpty(
    oneValue(
      '--for <library>',
      'also print a ready configuration for this library or program, such as openid-client or spring; any other word prints the list',
    ),
  )
}

/** @throws WrongUsage if there is no recipe with this name */
export function recipeNamed({ for: name }: ForFlag): Recipe | undefined {
  if (name === undefined) return undefined
  const recipe = findRecipe(name)
  if (!recipe) throw new WrongUsage(unknownRecipe(name))
  return recipe
}

/**
 * Checks before a client is registered whether the recipe is for such clients.
 *
 * @param input its metadata, unchecked
 * @throws WrongUsage
 */
export function requireFit(recipe: Recipe | undefined, input: Readonly<Record<string, unknown>>): void {
  const fault = recipe && misfit(recipe, wayOf(input))
  if (fault !== undefined) throw new WrongUsage(fault)
}

/** A client, and whom the text about it is for. */
interface Subject {
  readonly client: RegisteredClient
  /** Undefined: only its digest is known. */
  readonly secret?: string | undefined
  readonly issuer: string
  readonly recipe: Recipe | undefined
}

/**
 * Prints what an application needs to know about its client and, with a recipe, its configuration.
 *
 * @throws CommandFailed if the recipe is not for this client; CannotBeWritten
 */
export function printInstructions(terminal: Terminal, { client, secret, issuer, recipe }: Subject): void {
  const app = applicationOf(client, issuer, secret)
  const fault = recipe && misfit(recipe, app.way)
  if (fault !== undefined) throw new CommandFailed(fault)
  terminal.writeOut(visible(instructions(app, recipe)))
}

/**
 * Prints a client as one JSON document. With a recipe it has the texts of its files as the member `configuration`.
 *
 * @throws as `printInstructions`, but prints the document first: it may contain a secret that is shown only once
 */
export function printWithConfiguration(
  terminal: Terminal,
  document: Document,
  { client, secret, issuer, recipe }: Subject,
): void {
  const app = applicationOf(client, issuer, secret)
  const fault = recipe && misfit(recipe, app.way)
  let configuration: Record<string, string> | undefined
  let failure: unknown = fault === undefined ? undefined : new CommandFailed(fault)
  try {
    if (recipe && fault === undefined) configuration = configurationDocument(recipe, app)
  } catch (error) {
    failure = error
  }
  printOne(terminal, { json: true }, configuration ? { ...document, configuration } : document)
  if (failure !== undefined) throw failure
}
