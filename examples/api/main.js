import { listen } from '../listen.js'
import { createApi } from './api.js'

const { ISSUER = 'http://localhost:4000', AUDIENCE = 'https://api.notes.example', PORT = '4002' } = process.env

await listen(createApi({ issuer: ISSUER, audience: AUDIENCE }), { name: 'The API', port: Number(PORT) })
