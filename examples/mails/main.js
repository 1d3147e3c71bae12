import { listen } from '../listen.js'
import { createMails } from './mails.js'

const { MAIL_FOLDER = '.signet/mail', PORT = '4003' } = process.env

await listen(createMails({ folder: MAIL_FOLDER, origin: `http://localhost:${PORT}` }), {
  name: 'Mails',
  port: Number(PORT),
})
