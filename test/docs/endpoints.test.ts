import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { buildApp } from '../../src/app.ts'
import { packageFolder } from '../../src/platform/config/installation-folder.ts'
import { startSignet } from '../support/idp.ts'

const page = readFileSync(join(packageFolder, 'docs/endpoints.md'), 'utf8')
const [, overview = '', ...sections] = page.split(/^## /m)

/** Routes that follow from others: HEAD from GET (RFC 9110 §9.3.2), OPTIONS from the CORS preflight of the whole scope. */
const implied = ['HEAD', 'OPTIONS']

/** `METHOD /path` for each row of the table of all routes. */
function documentedRoutes(table: string): string[] {
  return [...table.matchAll(/^\| `(\/[^`]*)` \| ([A-Z, ]+) \|/gm)].flatMap(([, path, methods = '']) =>
    methods.split(', ').map((method) => `${method} ${path}`),
  )
}

const documented = documentedRoutes(overview)
const idp = await startSignet(t)

t.test('the page names every route of the application, and no other', async (t) => {
  const app = buildApp(idp.signet)
  t.teardown(() => app.close())
  const registered = new Set<string>()
  // The scopes of the route table are opened only when the application gets ready; they inherit this hook.
  app.addHook('onRoute', ({ method, url }) => {
    for (const each of [method].flat()) if (!implied.includes(each)) registered.add(`${each} ${url}`)
  })
  await app.ready()

  t.ok(registered.has('POST /token'), 'routes are found')
  t.same(documented.toSorted(), [...registered].sort())
  for (const route of documented) {
    const [method = '', url = ''] = route.split(' ')
    t.ok(app.hasRoute({ method, url }), `${route} is listed`)
  }
})

t.test('every path is described in the sections below the table', async (t) => {
  const headings = sections.flatMap((section) => section.match(/^### .*/gm) ?? []).join('\n')
  for (const path of new Set(documented.map((route) => route.split(' ')[1] ?? '')))
    t.ok(headings.includes(`\`${path}\``), path)
})

t.test('every URL in an example belongs to a route', async (t) => {
  const examples = sections.flatMap((section) => section.match(/```sh\n[\s\S]*?```/g) ?? []).join('\n')
  const addressed = [...examples.matchAll(/http:\/\/localhost:4000(\/[A-Za-z./-]*)/g)].map(([, path]) => path)
  t.ok(addressed.length > 5, 'examples are found')
  const paths = documented.map((route) => route.split(' ')[1])
  for (const path of new Set(addressed)) t.ok(paths.includes(path), `${path} is a route`)
})

t.test('everything that the metadata offers is on the page', async (t) => {
  const response = await fetch(`${idp.issuer}/.well-known/openid-configuration`)
  const metadata = (await response.json()) as Record<string, unknown>
  const addresses = Object.entries(metadata).filter(([name]) => /_endpoint$|^jwks_uri$/.test(name))
  t.ok(addresses.length > 5)
  for (const [name, address] of addresses)
    t.ok(
      documented.some((route) => `${idp.issuer}${route.split(' ')[1]}` === address),
      name,
    )
  for (const value of [
    metadata['grant_types_supported'],
    metadata['response_modes_supported'],
    metadata['prompt_values_supported'],
    metadata['token_endpoint_auth_methods_supported'],
  ].flat())
    t.ok(page.includes(`\`${String(value)}\``), String(value))
})
