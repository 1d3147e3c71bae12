import { fillText } from '../messages/messages.ts'
import type { MailContent } from './mail-content.ts'
import type { Block } from './mail-parts.ts'

/** In characters. RFC 5322 §2.1.1 recommends lines of at most 78; some are quoted in answers. */
const lineLength = 72

/** The text part. Links and codes are alone on a line, so that they can be selected and no full stop becomes part of them. */
export function mailText({ heading, body, footer, values }: MailContent): string {
  const said = (text: string) => wrapped(fillText(text, values))
  const printed = (block: Block) => {
    switch (block.as) {
      case 'paragraph':
        return said(block.text)
      case 'heading':
        return said(`* ${block.text} *`)
      case 'facts':
        return block.facts.map(([name, fact]) => said(`${name}: ${fact}`)).join('\n')
      case 'code':
        return block.code
      case 'button':
        return block.href
      case 'address':
        return block.label === undefined ? block.href : `${block.label}:\n${block.href}`
    }
  }
  // RFC 3676 §4.3: mail programs recognise a signature by this line.
  return `${[said(heading), ...body.map(printed), `-- \n${printed(footer[0] as Block)}`, ...footer.slice(1).map(printed)].join('\n\n')}\n`
}

function wrapped(text: string): string {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && length(line) + 1 + length(word) > lineLength) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line].join('\n')
}

function length(text: string): number {
  return [...text].length
}
