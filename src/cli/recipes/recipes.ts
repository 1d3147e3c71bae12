import { type Application, describe, type Way } from './application.ts'
import { goRustAndRubyRecipes } from './go-rust-and-ruby.ts'
import { javascriptRecipes } from './javascript.ts'
import { jvmAndDotnetRecipes } from './jvm-and-dotnet.ts'
import { programRecipes } from './programs.ts'
import { pythonRecipes } from './python.ts'
import { originOf, type Part, type Recipe, type Registration } from './recipe.ts'
import { quoted } from './writing.ts'

/** All recipes by the names that `--for` takes. */
export const recipes: Readonly<Record<string, Recipe>> = Object.fromEntries(
  Object.entries({
    ...javascriptRecipes,
    ...pythonRecipes,
    ...goRustAndRubyRecipes,
    ...jvmAndDotnetRecipes,
    ...programRecipes,
  }).sort(([a], [b]) => a.localeCompare(b, 'en')),
)

/** A recipe by its name. */
export function findRecipe(name: string): Recipe | undefined {
  return Object.hasOwn(recipes, name) ? recipes[name] : undefined
}

/** A recipe with which an application can register itself with an initial access token. */
export type SelfRegistering = Recipe & Required<Pick<Recipe, 'registersItself'>>

function registersWithToken(recipe: Recipe | undefined): recipe is SelfRegistering {
  return recipe?.registersItself !== undefined && !recipe.registersWithoutToken
}

/** Such a recipe by its name. */
export function findSelfRegistering(name: string): SelfRegistering | undefined {
  const recipe = findRecipe(name)
  return registersWithToken(recipe) ? recipe : undefined
}

/** The sentence for a name under which there is none. */
export function unknownSelfRegistering(name: string): string {
  const names = Object.keys(recipes).filter((one) => registersWithToken(recipes[one]))
  return `--for: there is no configuration with which '${name.slice(0, 80)}' registers itself with a token. There is one for ${names.join(', ')}. Every other application sends the token to the registration endpoint, as a bearer token.`
}

/** The sentence for a name that `--for` does not know. */
export function unknownRecipe(name: string): string {
  return `--for: '${name.slice(0, 80)}' is not a library or program that Signet has a configuration for. There is one for ${Object.keys(recipes).join(', ')}. Every other one needs what is printed without --for.`
}

const inWords: Record<Way, string> = {
  confidential: 'has a secret',
  public: 'has no secret (it is public)',
  key: 'authenticates with a key (private_key_jwt)',
  implicit: 'never gets a code (it has no authorization_code)',
  machine: 'signs nobody in (it has no authorization_code)',
  device: 'has no browser (it gets tokens with the device code grant)',
}

/** The kinds of clients that a recipe is for, as `--kind` names them. A client that authenticates with a key is of no kind. */
export function kindsOf({ ways, publicKind }: Recipe): string[] {
  const kinds = {
    confidential: ['web'],
    public: publicKind ? [publicKind] : ['spa', 'native'],
    machine: ['machine'],
    device: ['device'],
    key: [],
    implicit: [],
  }
  return ways.flatMap((way) => kinds[way])
}

/** Why a recipe is not for a client; undefined if it is. */
export function misfit(recipe: Recipe, way: Way): string | undefined {
  const { title, ways, because = 'is configured differently' } = recipe
  if (ways.includes(way)) return undefined
  return `${title} does not fit this client, which ${inWords[way]}: ${title} ${because}. It fits a client made with --kind ${kindsOf(recipe).join(' or ')}.`
}

/** The files of a recipe, filled in for an application. */
export function partsFor(recipe: Recipe, app: Application): readonly Part[] {
  return recipe.parts(withCallbackFirst(recipe, app))
}

/** Of several redirect URIs, the recipe gets the one at which its library receives the answer. */
function withCallbackFirst({ callback, callbackIsFixed }: Recipe, app: Application): Application {
  const uris = [app.redirectUri, ...app.otherRedirectUris]
  const fitting = callbackIsFixed && callback ? uris.find((uri) => isAt(uri, callback)) : undefined
  if (fitting === undefined) return app
  return { ...app, redirectUri: fitting, otherRedirectUris: uris.filter((uri) => uri !== fitting) }
}

/** Whether a redirect URI has this path, at its host or in a folder. */
function isAt(uri: string, callback: string): boolean {
  return URL.canParse(uri) && new URL(uri).pathname.endsWith(callback)
}

/**
 * What has to be known or changed for this recipe and this client.
 *
 * @returns sentences, the changes first
 */
export function notesFor(recipe: Recipe, app: Application): string[] {
  return [...changesFor(recipe, withCallbackFirst(recipe, app)), ...(recipe.notes ?? [])]
}

/** What must be changed at the client before the recipe works. */
function changesFor(
  { title, callback, callbackIsFixed, isOAuthOnly, secretBy, signsWithSecret, sends, idTokenAlg, pushes }: Recipe,
  app: Application,
): string[] {
  const update = (flags: string) => `signet clients update ${quoted('shell', app.clientId)} ${flags}`
  const changes: string[] = []
  if (callbackIsFixed && callback !== undefined && app.redirectUri !== '' && !isAt(app.redirectUri, callback)) {
    // The flags replace all redirect URIs.
    const uris = [`${originOf(app)}${callback}`, ...app.otherRedirectUris]
    changes.push(
      `${title} receives the answer at ${callback}, which is not the path of the registered redirect URI. Register it: ${update(uris.map((uri) => `--redirect-uri ${quoted('shell', uri)}`).join(' '))}`,
    )
  }
  const signsIn = app.way !== 'machine' && callback !== undefined && !isOAuthOnly
  if (signsIn && !app.scopes.includes('openid'))
    changes.push(
      `${title} asks for openid, which is not among the scopes of the client. Register it: ${update(`--scope ${quoted('shell', ['openid', ...app.scopes].join(' '))}`)}`,
    )
  if (secretBy !== undefined && app.secretBy !== undefined && app.secretBy !== secretBy)
    changes.push(
      `${title} sends the secret by ${secretBy}, but the client is registered for ${app.secretBy}. Change it: ${update(`--token-endpoint-auth-method ${secretBy}`)}`,
    )
  if (secretBy === undefined && app.secretBy === 'client_secret_jwt' && !signsWithSecret)
    changes.push(
      `The client must sign assertions with its secret (client_secret_jwt), which this configuration does not do. To send the secret instead: ${update('--token-endpoint-auth-method client_secret_basic')}`,
    )
  if (sends === 'neither' && app.pkce !== 'optional')
    changes.push(
      `${title} sends neither PKCE nor a nonce, so a stolen code could be redeemed in another session. If you accept that: ${update('--no-require-pkce')}`,
    )
  if (sends === 'nonce' && app.pkce === 'required')
    changes.push(`${title} sends no PKCE, but a nonce. Accept it: ${update('--require-pkce auto')}`)
  if (idTokenAlg !== undefined && idTokenAlg !== app.idTokenAlg)
    changes.push(
      `${title} accepts ID tokens with ${idTokenAlg} only. Change it: ${update(`--id-token-signed-response-alg ${idTokenAlg}`)}`,
    )
  if (signsIn && app.mustPush && !pushes)
    changes.push(
      `The client must push its authorization requests, which this configuration does not do. If ${title} cannot: ${update('--no-require-pushed-authorization-requests')}`,
    )
  if (signsIn && app.mustSign)
    changes.push(
      `The client must sign its authorization requests, which this configuration does not do. If ${title} cannot: ${update('--no-require-signed-request-object')}`,
    )
  return changes
}

/** What an application needs and, with a recipe, the configuration: the text below a new client. */
export function instructions(app: Application, recipe: Recipe | undefined): string {
  const needs = describe(app).join('\n')
  if (recipe === undefined) return `What the application needs:\n\n${needs}\n`
  const notes = notesFor(recipe, app).map((note) => `- ${note}\n`)
  const parts = partsFor(recipe, app).map(({ file, text }) => `--- ${file}\n\n${text}\n`)
  return [
    `What the application needs:\n\n${needs}\n`,
    `Configuration for ${recipe.title}:\n`,
    ...(notes.length > 0 ? [notes.join('')] : []),
    ...parts,
  ].join('\n')
}

/** How an application registers itself: the text below a new initial access token. */
export function registrationInstructions(recipe: SelfRegistering, registration: Registration): string {
  const parts = recipe.registersItself(registration).map(({ file, text }) => `--- ${file}\n\n${text}\n`)
  return [`Registration with ${recipe.title}:\n`, ...parts].join('\n')
}

/** The same as one document: the texts by the names of their files. */
export function registrationDocument(recipe: SelfRegistering, registration: Registration): Record<string, string> {
  return Object.fromEntries(recipe.registersItself(registration).map(({ file, text }) => [file, `${text}\n`]))
}

/** The same configuration as one document: the texts by the names of their files. */
export function configurationDocument(recipe: Recipe, app: Application): Record<string, string> {
  return Object.fromEntries(partsFor(recipe, app).map(({ file, text }) => [file, `${text}\n`]))
}
