// A login by openid-client whose request is pushed, signed or both, and whose answer is signed if that is asked for:
// standard input says how, standard output is one JSON object. tests/flows/test_foreign_requests.py judges it.

import { webcrypto } from 'node:crypto'
import dns from 'node:dns'
import { text } from 'node:stream/consumers'
import { Visitor } from './visitor.mjs'

// Node 18 has WebCrypto but not under its global names; the library must see them before it is loaded.
globalThis.crypto ??= webcrypto
globalThis.CryptoKey ??= webcrypto.CryptoKey
// The provider listens on 127.0.0.1 only, and Node 18 would try ::1 first and last.
dns.setDefaultResultOrder('ipv4first')
const oidc = await import('openid-client')

const { issuer, client, person, private_key, pushes, signs, jarm, details } = JSON.parse(await text(process.stdin))
const visitor = new Visitor(issuer)
const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
const key = { key: await crypto.subtle.importKey('jwk', private_key, algorithm, false, ['sign']), kid: private_key.kid }
const execute = [oidc.allowInsecureRequests, oidc.enableNonRepudiationChecks, ...(jarm ? [oidc.useJwtResponseMode] : [])]
const config = await oidc.discovery(new URL(issuer), client.client_id, client, oidc.PrivateKeyJwt(key), { execute })

const verifier = oidc.randomPKCECodeVerifier()
const [state, nonce] = [oidc.randomState(), oidc.randomNonce()]
let page = await visitor.open(await address())
page = await visitor.press(page, 'login-submit', person)
if (page.name === 'consent') page = await visitor.press(page, 'consent-allow', { agree: 'yes' })
if (!page.location) throw new Error(`the login ended on page ${page.name}: ${page.text.slice(0, 2000)}`)
const expected = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true }
const tokens = await oidc.authorizationCodeGrant(config, new URL(page.location), expected)
const answered = [...new URL(page.location).searchParams.keys()]
process.stdout.write(JSON.stringify({ claims: tokens.claims(), answered, granted: tokens.authorization_details }))

async function address() {
  let asked = {
    redirect_uri: client.redirect_uris[0],
    scope: client.scope,
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    nonce,
    ...(details && { authorization_details: JSON.stringify(details) }),
  }
  if (signs) {
    const url = await oidc.buildAuthorizationUrlWithJAR(config, asked, key)
    if (!pushes) return url
    asked = url.searchParams
  }
  return pushes ? oidc.buildAuthorizationUrlWithPAR(config, asked) : oidc.buildAuthorizationUrl(config, asked)
}
