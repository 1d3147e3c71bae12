// @ts-check
// The contents of a token get into the page as text: nothing here parses markup.

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
 * Fills in the placeholders of a message. Inserted values are never read as messages themselves.
 *
 * @param {string} message a text with placeholders such as `{kid}`
 * @param {Readonly<Record<string, Node | string>>} values
 * @returns {(Node | string)[]}
 */
export function fill(message, values) {
  return message.split(/(\{[a-z]+\})/i).map((part) => {
    const placeholder = part.slice(1, -1)
    return /^\{[a-z]+\}$/i.test(part) && Object.hasOwn(values, placeholder) ? (values[placeholder] ?? '') : part
  })
}

/**
 * The element with an id, which must be of the given kind.
 *
 * @template {HTMLElement} Kind
 * @param {string} id
 * @param {new () => Kind} kind
 * @returns {Kind}
 * @throws if the page has none
 */
export function byId(id, kind) {
  const found = document.getElementById(id)
  if (!(found instanceof kind)) throw new Error(`The page has no ${id}.`)
  return found
}

/**
 * Replaces a template with its content. Parts of the page that need a script are in templates, so they do not appear without one.
 *
 * @param {string} id
 */
export function unfold(id) {
  const template = byId(id, HTMLTemplateElement)
  template.replaceWith(template.content)
}

/**
 * The three parts of a token in their colours. Each part has its name too: colour must not be the only distinction.
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
