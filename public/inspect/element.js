// @ts-check
// Whatever a token holds gets into the page as text: nothing here reads markup.

/**
 * @param {string} tag
 * @param {Readonly<Record<string, string>>} [attributes]
 * @param {...(Node | string)} children
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value)
  made.append(...children)
  return made
}

/**
 * Puts things into the places of a message. What is put in is never read as a message itself.
 *
 * @param {string} message a sentence with places such as `{kid}`
 * @param {Readonly<Record<string, Node | string>>} things
 * @returns {(Node | string)[]}
 */
export function fill(message, things) {
  return message.split(/(\{[a-z]+\})/i).map((part) => {
    const place = part.slice(1, -1)
    return /^\{[a-z]+\}$/i.test(part) && Object.hasOwn(things, place) ? (things[place] ?? '') : part
  })
}

/**
 * The element with an id, of the kind that it is known to be.
 *
 * @template {HTMLElement} Kind
 * @param {string} id
 * @param {new () => Kind} kind
 * @returns {Kind}
 * @throws where the page has none
 */
export function byId(id, kind) {
  const found = document.getElementById(id)
  if (!(found instanceof kind)) throw new Error(`The page has no ${id}.`)
  return found
}

/**
 * Puts what a template holds in its place. What only a script can do is not in the page without one.
 *
 * @param {string} id
 */
export function unfold(id) {
  const template = byId(id, HTMLTemplateElement)
  template.replaceWith(template.content)
}

/**
 * The three parts of a token in their colours, each named: the colour is not the only sign.
 *
 * @param {string} token
 * @param {Readonly<Record<string, string>>} names
 */
export function colouredToken(token, names) {
  const parts = token.split('.')
  const kinds = parts.length === 3 ? ['header', 'payload', 'signature'] : ['header']
  return element(
    'p',
    { class: 'token' },
    ...parts.flatMap((part, index) => {
      const kind = kinds[index]
      const dot = index === 0 ? [] : ['.']
      if (kind === undefined) return [...dot, part]
      const name = element('span', { class: 'part-name' }, names[kind] ?? kind)
      return [...dot, element('span', { class: `part ${kind}` }, name, part)]
    }),
  )
}
