// A portal of one session on Node's own server; a name on the last page says who is logged in.

import { createServer } from 'node:http'

const origin = `http://localhost:${process.env.PORT}`
const session = {}

export function page(name) {
  return `<main data-page="me">${name}</main>`
}

export function serve(begin, end) {
  createServer(async (request, response) => {
    const url = new URL(request.url, origin)
    try {
      if (url.pathname === '/login') return response.writeHead(303, { location: (await begin(session)).href }).end()
      const { name } = await end(session, url)
      response.setHeader('content-type', 'text/html; charset=utf-8')
      response.end(page(name))
    } catch (error) {
      response.writeHead(500).end(error.stack)
    }
  }).listen(process.env.PORT, '127.0.0.1')
}
