import type { ComponentChildren } from 'preact'
import { accentColours } from '../accent-colour.ts'
import { fill } from '../messages/messages.ts'
import { renderPage } from '../send-page.ts'
import type { MailContent } from './mail-content.ts'
import type { Block } from './mail-parts.ts'

/** Verdigris, as in public/signet.css. */
const signetColour = '#1d5c50'

/** An edge with a contrast of 3 : 1 on white and on black (WCAG 1.4.11): nobody knows which of the two a mail program shows. */
const edge = '#7a7f77'

/*
 * Mail programs keep only inline styles, and often remove html, head and body, so language, direction and font are repeated on the element
 * inside. Text and links have no colours of their own: each program has colours that are readable in its own scheme, dark or light.
 * Only what brings its own background has a colour. There are no tables: without padding and rounded corners, as in Outlook, it is still in
 * the right order, and a button is a link with a background.
 */
const styles = {
  mail: 'max-width:34em;margin:0 auto;padding:16px 8px;font:16px/1.5 -apple-system,"Segoe UI",Roboto,"Noto Sans",Helvetica,Arial,sans-serif;overflow-wrap:break-word;word-wrap:break-word',
  name: 'margin:0 0 24px;font-size:16px;font-weight:600',
  mark: 'display:block;width:48px;height:4px;margin:0 0 16px;border-radius:2px',
  heading: 'margin:0 0 16px;font-size:24px;line-height:1.25;font-weight:600',
  lesserHeading: 'margin:32px 0 8px;font-size:16px;font-weight:600',
  paragraph: 'margin:0 0 16px',
  code: `display:inline-block;padding:8px 20px;border:1px solid ${edge};border-radius:8px;font:600 32px/1.4 ui-monospace,Menlo,Consolas,monospace;letter-spacing:4px;-webkit-user-select:all;user-select:all`,
  button: `display:inline-block;padding:12px 24px;border:1px solid ${edge};border-radius:8px;font-weight:600;text-decoration:none`,
  small: 'margin:0 0 16px;font-size:14px',
  address: 'word-break:break-all',
  // Begins on a new line before it is broken: otherwise the ellipsis in `g…@example.net` is where a line ends.
  unbroken: 'display:inline-block;max-width:100%',
  line: `height:0;margin:32px 0 16px;border:0;border-top:1px solid ${edge}`,
}

/** The HTML part: a whole document that loads nothing. */
export function mailDocument(content: MailContent, accentColor: string = signetColour): string {
  return renderPage(<MailDocument content={content} accentColor={accentColor} />)
}

interface Props {
  readonly content: MailContent
  readonly accentColor: string
}

function MailDocument({ content, accentColor }: Props) {
  const { locale, subject, heading, body, footer, values } = content
  const { fill: fillColour, 'on-fill': onFill } = accentColours(accentColor, 'light')
  const ofButton = `background-color:${fillColour};color:${onFill}`
  // `bdi` isolates the direction of names.
  const isolated = Object.fromEntries(
    Object.entries(values).map(([key, value]) => [
      key,
      <bdi key={key} style={key === 'newEmail' ? styles.unbroken : undefined}>
        {value}
      </bdi>,
    ]),
  )
  const say = (text: string) => fill(text, isolated)
  const shown = (block: Block, index: number) => (
    <MailBlock key={index} block={block} say={say} copyLink={content.texts.common.copyLink} ofButton={ofButton} />
  )
  return (
    <html lang={locale} dir="ltr">
      <head>
        <meta charset="utf-8" />
        <title>{subject}</title>
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="supported-color-schemes" content="light dark" />
        {/* Otherwise phones make links of codes, dates and addresses. */}
        <meta name="format-detection" content="telephone=no, date=no, address=no, email=no, url=no" />
        <meta name="x-apple-disable-message-reformatting" />
      </head>
      <body>
        <div lang={locale} dir="ltr" style={styles.mail}>
          <p style={styles.name}>
            <span style={`${styles.mark};background-color:${fillColour}`} />
            {say('{name}')}
          </p>
          <h1 style={styles.heading}>{say(heading)}</h1>
          {body.map(shown)}
          <hr style={styles.line} />
          <div style="font-size:14px">{footer.map(shown)}</div>
        </div>
      </body>
    </html>
  )
}

interface BlockProps {
  readonly block: Block
  readonly say: (text: string) => ComponentChildren
  readonly copyLink: string
  readonly ofButton: string
}

function MailBlock({ block, say, copyLink, ofButton }: BlockProps) {
  switch (block.as) {
    case 'paragraph':
      return <p style={styles.paragraph}>{say(block.text)}</p>
    case 'heading':
      return <h2 style={styles.lesserHeading}>{say(block.text)}</h2>
    case 'facts':
      return (
        <p style={styles.paragraph}>
          {block.facts.map(([name, fact], index) => (
            <span key={name}>
              {index > 0 && <br />}
              {name}: {say(fact)}
            </span>
          ))}
        </p>
      )
    case 'code':
      return (
        <p style={styles.paragraph}>
          <span style={styles.code}>{block.code}</span>
        </p>
      )
    case 'button':
      return (
        <>
          <p style={styles.paragraph}>
            <a href={block.href} style={`${styles.button};${ofButton}`}>
              {block.label}
            </a>
          </p>
          <p style={styles.small}>
            {copyLink}
            <br />
            <span style={styles.address}>{block.href}</span>
          </p>
        </>
      )
    case 'address':
      return (
        <p style={styles.paragraph}>
          <a href={block.href} style={styles.address}>
            {block.label ?? block.href.replace(/^mailto:/, '')}
          </a>
        </p>
      )
  }
}
