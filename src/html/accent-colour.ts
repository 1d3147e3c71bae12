/*
 * The colours that follow from an operator's accent colour. No colour has enough contrast both on light and on dark backgrounds, so each
 * scheme gets its own shade of it for text and edges. A button is filled with the colour itself, with black or white text: one of
 * the two always has enough contrast.
 */

/** The backgrounds of public/signet.css, by scheme. A test compares them. */
export const grounds = {
  light: { paper: '#f3f0e8', circle: '#e8e3d6', card: '#fffefa' },
  dark: { paper: '#121615', circle: '#1a201e', card: '#1b211f' },
} as const

export type Scheme = keyof typeof grounds

/** WCAG 2.2 §1.4.3: the least contrast of text. That of edges (§1.4.11) is lower. */
const leastContrast = 4.5

/** The custom properties of public/signet.css that depend on the accent colour, as `#rrggbb`. */
export interface AccentColours {
  /** Text, edges and the focus. */
  readonly accent: string
  /** The same under the pointer. */
  readonly 'accent-deep': string
  /** The primary button. */
  readonly fill: string
  readonly 'fill-deep': string
  readonly 'on-fill': string
  /** A background with a hint of the colour. */
  readonly tint: string
}

/**
 * The shades of an accent colour in one scheme.
 *
 * @param colour `#rrggbb`
 */
export function accentColours(colour: string, scheme: Scheme): AccentColours {
  const { paper, circle, card } = grounds[scheme]
  const towards = scheme === 'light' ? black : white
  const tint = mixed(card, colour, scheme === 'light' ? 0.08 : 0.1)
  const passes = (text: string) =>
    [paper, circle, card, tint].every((ground) => contrast(text, ground) >= leastContrast)
  // The shade that differs least. The last one is black or white, which passes.
  const steps = Array.from({ length: 101 }, (_, step) => mixed(colour, towards, step / 100))
  const accent = steps.find(passes) ?? towards
  const onFill = contrast(white, colour) >= leastContrast ? white : black
  const fillDeep = [black, white]
    .map((end) => mixed(colour, end, 0.2))
    .find((deep) => contrast(onFill, deep) >= leastContrast && contrast(colour, deep) >= 1.1)
  return {
    accent,
    'accent-deep': mixed(accent, towards, 0.3),
    fill: colour,
    'fill-deep': fillDeep ?? colour,
    'on-fill': onFill,
    tint,
  }
}

/**
 * The style sheet that replaces the accent colour of public/signet.css. Not for print, which is black on white.
 *
 * @param colour `#rrggbb`
 */
export function accentStyleSheet(colour: string): string {
  const rule = (scheme: Scheme) => {
    const lines = Object.entries(accentColours(colour, scheme)).map(([name, value]) => `    --${name}: ${value};`)
    return `@media screen and (prefers-color-scheme: ${scheme}) {\n  :root {\n${lines.join('\n')}\n  }\n}\n`
  }
  return rule('light') + rule('dark')
}

const black = '#000000'
const white = '#ffffff'

/** The contrast ratio of two colours, from 1 to 21 (WCAG 2.2, "contrast ratio"). */
export function contrast(one: string, other: string): number {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b)
  return (light + 0.05) / (dark + 0.05)
}

/** WCAG 2.2, "relative luminance". */
function luminance(colour: string): number {
  const [r = 0, g = 0, b = 0] = channels(colour).map((channel) => {
    const part = channel / 255
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}

/** @param share how much of `other`, from 0 to 1 */
function mixed(one: string, other: string, share: number): string {
  const others = channels(other)
  const both = channels(one).map((channel, i) => Math.round(channel + ((others[i] ?? 0) - channel) * share))
  return `#${both.map((channel) => channel.toString(16).padStart(2, '0')).join('')}`
}

function channels(colour: string): number[] {
  return [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16))
}
