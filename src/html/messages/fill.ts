import type { ComponentChildren } from 'preact'

/**
 * Puts things into the places of a message. What is put in is never read as a message itself, so a client named `{host}`
 * stays a client named `{host}`.
 *
 * @param message a sentence with places such as `{client}`
 * @param things what stands in each place
 * @throws where the message has a place for which nothing was given: a slip in a page, not in what a person sent
 */
export function fill(message: string, things: Readonly<Record<string, ComponentChildren>>): ComponentChildren[] {
  return message.split(/(\{[a-z]+\})/i).map((part) => {
    if (!/^\{[a-z]+\}$/i.test(part)) return part
    const place = part.slice(1, -1)
    if (!Object.hasOwn(things, place)) throw new Error(`Nothing was given for ${part} in: ${message}`)
    return things[place]
  })
}

/** As `fill`, for places that take text only: titles, attributes. */
export function fillText(message: string, things: Readonly<Record<string, string>>): string {
  return fill(message, things).join('')
}
