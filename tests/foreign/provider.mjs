// An OpenID Provider that none of us wrote (oidc-provider), as an upstream. Its client comes on the command line; its own
// login and consent pages are the library's. /control/rotate gives it a new signing key, /control/counts tells
// how often each path was asked for.

import { webcrypto } from 'node:crypto'
import dns from 'node:dns'
import { createServer } from 'node:http'

// Node 18 has WebCrypto but not under its global names; the library must see them before it is loaded.
globalThis.crypto ??= webcrypto
globalThis.CryptoKey ??= webcrypto.CryptoKey
// Our side listens on 127.0.0.1 only, and Node 18 would try ::1 first and last.
dns.setDefaultResultOrder('ipv4first')
const { default: Provider } = await import('oidc-provider')

const { port, client, others = [], people, algorithm = 'RS256', logouts = false } = JSON.parse(process.argv[2])
const issuer = `http://localhost:${port}`
const counts = {}
const kept = new Map()

// What the library keeps outlives its change of keys, as it would in a database.
class Shelf {
  constructor(model) {
    this.model = model
  }
  async upsert(id, payload) {
    kept.set(`${this.model}:${id}`, payload)
    if (payload.uid) kept.set(`uid:${payload.uid}`, payload)
  }
  async find(id) {
    return kept.get(`${this.model}:${id}`)
  }
  async findByUid(uid) {
    return kept.get(`uid:${uid}`)
  }
  async consume(id) {
    kept.get(`${this.model}:${id}`).consumed = Math.floor(Date.now() / 1000)
  }
  async destroy(id) {
    const payload = kept.get(`${this.model}:${id}`)
    kept.delete(`${this.model}:${id}`)
    if (payload?.uid) kept.delete(`uid:${payload.uid}`)
  }
  async revokeByGrantId(grantId) {
    for (const [key, payload] of kept) if (payload.grantId === grantId) kept.delete(key)
  }
}

let keys = [await newKey()]
let answer = provider()

createServer(async (request, response) => {
  const path = new URL(request.url, issuer).pathname
  counts[path] = (counts[path] ?? 0) + 1
  if (path === '/control/counts') return response.end(JSON.stringify(counts))
  if (path === '/control/rotate') {
    // The new key signs at once; the old one stays published.
    keys = [await newKey(), ...keys]
    answer = provider()
    return response.end(keys[0].kid)
  }
  return answer(request, response)
}).listen(port, '127.0.0.1')

function provider() {
  return new Provider(issuer, {
    adapter: Shelf,
    clients: [client, ...others],
    jwks: { keys },
    claims: {
      openid: ['sub'],
      profile: ['name', 'birthdate', 'citizen_number', 'proofing'],
      phone: ['phone_number', 'phone_number_verified'],
    },
    acrValues: ['urn:two-factors'],
    features: { backchannelLogout: { enabled: logouts } },
    cookies: { keys: ['a key of the test'] },
    // Its own dispatcher refuses addresses on this machine, where our side is.
    fetch: (url, { dispatcher, ...options }) => fetch(url, options),
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...people[id] }) }),
  }).callback()
}

async function newKey() {
  const kinds = {
    RS256: { name: 'RSASSA-PKCS1-v1_5', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' },
    ES256: { name: 'ECDSA', namedCurve: 'P-256' },
  }
  const pair = await crypto.subtle.generateKey(kinds[algorithm], true, ['sign', 'verify'])
  const { key_ops, ext, ...jwk } = await crypto.subtle.exportKey('jwk', pair.privateKey)
  return { ...jwk, use: 'sig', alg: algorithm, kid: crypto.randomUUID() }
}
