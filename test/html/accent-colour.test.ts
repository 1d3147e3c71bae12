import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { accentColours, accentStyleSheet, contrast, grounds } from '../../src/html/accent-colour.ts'
import { packageFolder } from '../../src/platform/config/installation-folder.ts'

const css = readFileSync(join(packageFolder, 'public/signet.css'), 'utf8')
const schemes = ['light', 'dark'] as const
/** The value of a custom property in signet.css: the first one is that of the light scheme, the second that of the dark one. */
const inCss = (name: string, scheme: (typeof schemes)[number]) =>
  [...css.matchAll(new RegExp(`--${name}: (#[0-9a-f]{6});`, 'g'))][schemes.indexOf(scheme)]?.[1] ?? ''

t.test('contrast is measured as WCAG defines it', async (t) => {
  t.equal(contrast('#000000', '#ffffff'), 21)
  t.equal(contrast('#ffffff', '#ffffff'), 1)
  t.equal(contrast('#777777', '#ffffff').toFixed(2), '4.48')
  t.equal(contrast('#ff0000', '#ffffff').toFixed(2), '4.00')
})

t.test('the backgrounds are those of the style sheet', async (t) => {
  for (const scheme of schemes)
    for (const [name, colour] of Object.entries(grounds[scheme]))
      t.equal(colour, inCss(name, scheme), `${scheme}: ${name}`)
})

t.test('every accent colour leads to enough contrast in both schemes (WCAG 2.2 §1.4.3, §1.4.11)', async (t) => {
  const levels = ['00', '1c', '38', '55', '71', '8e', 'aa', 'c6', 'e3', 'ff']
  const colours = levels.flatMap((r) => levels.flatMap((g) => levels.map((b) => `#${r}${g}${b}`)))
  const low: string[] = []
  for (const colour of colours)
    for (const scheme of schemes) {
      const shades = accentColours(colour, scheme)
      const backgrounds = [...Object.values(grounds[scheme]), shades.tint]
      const pairs = [
        ...backgrounds.flatMap((ground) => [
          [shades.accent, ground],
          [shades['accent-deep'], ground],
        ]),
        [shades['on-fill'], shades.fill],
        [shades['on-fill'], shades['fill-deep']],
        [inCss('ink', scheme), shades.tint],
        [inCss('quiet', scheme), shades.tint],
      ] as const
      for (const [front = '', ground = ''] of pairs)
        if (contrast(front, ground) < 4.5) low.push(`${colour}, ${scheme}: ${front} on ${ground}`)
      if (shades.fill !== colour) low.push(`${colour}: the button has another colour`)
    }
  t.same(low, [])
})

t.test('a colour that has enough contrast is used as it is', async (t) => {
  t.equal(accentColours('#1d5c50', 'light').accent, '#1d5c50')
  t.equal(accentColours('#85cbb8', 'dark').accent, '#85cbb8')
  t.not(accentColours('#1d5c50', 'dark').accent, '#1d5c50')
  t.match(accentColours('#ffcc00', 'light'), { fill: '#ffcc00', 'on-fill': '#000000' })
})

t.test('the style sheet sets only colours, and none for print', async (t) => {
  const sheet = accentStyleSheet('#d61f69')
  t.notMatch(
    sheet.replace(
      /--[a-z-]+: #[0-9a-f]{6};|@media screen and \(prefers-color-scheme: (light|dark)\)|:root|[{}\s]/g,
      '',
    ),
    /./,
  )
  t.equal(sheet.match(/@media screen/g)?.length, 2)
  const used = [...sheet.matchAll(/--([a-z-]+):/g)].map(([, name]) => name)
  for (const name of used) t.match(css, `var(--${name})`, 'signet.css uses it')
})
