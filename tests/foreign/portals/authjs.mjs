import './before.mjs'
import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import { Auth } from '@auth/core'
import { page } from './served.mjs'

// CONFIGURATION
const origin = `http://localhost:${process.env.PORT}`

// The library posts to begin a login, from a page of its own with a token against forgery.
createServer(async (request, response) => {
  const body = request.method === 'POST' ? await text(request) : undefined
  const asked = new Request(new URL(request.url, origin), { method: request.method, headers: request.headers, body })
  if (new URL(asked.url).pathname === '/') {
    const session = await Auth(new Request(`${origin}/auth/session`, { headers: request.headers }), config)
    response.setHeader('content-type', 'text/html; charset=utf-8')
    return response.end(page((await session.json()).user?.name))
  }
  const answer = await Auth(asked, config)
  for (const cookie of answer.headers.getSetCookie()) response.appendHeader('set-cookie', cookie)
  for (const name of ['content-type', 'location']) {
    if (answer.headers.has(name)) response.setHeader(name, answer.headers.get(name))
  }
  response.writeHead(answer.status).end(await answer.text())
}).listen(process.env.PORT, '127.0.0.1')
