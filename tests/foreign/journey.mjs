// The whole life of a login, driven by openid-client: standard input says where and as whom, standard output is one
// JSON object of what happened. tests/flows/test_foreign_libraries.py judges it.

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

const ask = JSON.parse(await text(process.stdin))
const { client, person } = ask
const visitor = new Visitor(ask.issuer)

const config = await oidc.discovery(
  new URL(ask.issuer),
  client.client_id,
  { id_token_signed_response_alg: client.id_token_signed_response_alg },
  await authentication(),
  // Signatures of ID tokens are checked too, although this flow got them over a direct connection.
  { execute: [oidc.allowInsecureRequests, oidc.enableNonRepudiationChecks] },
)

// A client whose tokens are bound proves a key of its own with every request (RFC 9449).
const bound = client.dpop_bound_access_tokens ?? false
const DPoP = bound ? oidc.getDPoPHandle(config, await oidc.randomDPoPKeyPair()) : undefined

const tokens = await login()
const claims = tokens.claims()
const userinfo = await oidc.fetchUserInfo(config, tokens.access_token, claims.sub, { DPoP })
const refreshed = await oidc.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP })
const withoutKey = bound ? await asBearer(refreshed.access_token) : undefined
const introspected = await introspect(refreshed.access_token)
await oidc.tokenRevocation(config, refreshed.refresh_token)
const revoked = await introspect(refreshed.refresh_token)
const refusal = await oidc.refreshTokenGrant(config, refreshed.refresh_token, undefined, { DPoP }).then(
  () => 'none',
  (error) => error.error,
)
const goodbye = oidc.buildEndSessionUrl(config, {
  id_token_hint: refreshed.id_token ?? tokens.id_token,
  post_logout_redirect_uri: client.post_logout_redirect_uris[0],
  state: 'goodbye',
})
const loggedOut = await visitor.open(goodbye)

process.stdout.write(
  JSON.stringify({
    issuer: config.serverMetadata().issuer,
    claims,
    userinfo,
    scope: tokens.scope,
    refreshed: {
      sub: refreshed.claims()?.sub,
      access_token_changed: refreshed.access_token !== tokens.access_token,
      refresh_token_changed: refreshed.refresh_token !== tokens.refresh_token,
    },
    token_types: [tokens.token_type, refreshed.token_type],
    key: await DPoP?.calculateThumbprint(),
    without_key: withoutKey,
    introspected,
    after_revocation: { active: revoked.active, refresh: refusal },
    logged_out: loggedOut.location,
    asked_silently_after_logout: await silently(),
  }),
)

// Who only names itself may not ask about tokens (RFC 7662, 2.1).
async function introspect(token) {
  return client.token_endpoint_auth_method === 'none' ? {} : oidc.tokenIntrospection(config, token)
}

async function asBearer(token) {
  const answer = await fetch(config.serverMetadata().userinfo_endpoint, { headers: { authorization: `Bearer ${token}` } })
  return answer.status
}

async function authentication() {
  switch (client.token_endpoint_auth_method) {
    case 'client_secret_basic':
      return oidc.ClientSecretBasic(client.client_secret)
    case 'client_secret_post':
      return oidc.ClientSecretPost(client.client_secret)
    case 'private_key_jwt': {
      const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
      const key = await crypto.subtle.importKey('jwk', ask.private_key, algorithm, false, ['sign'])
      return oidc.PrivateKeyJwt({ key, kid: ask.private_key.kid })
    }
    default:
      return oidc.None()
  }
}

async function authorizationUrl(verifier, more) {
  return oidc.buildAuthorizationUrl(config, {
    redirect_uri: client.redirect_uris[0],
    scope: client.scope,
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    ...more,
  })
}

async function login() {
  const verifier = oidc.randomPKCECodeVerifier()
  const [state, nonce] = [oidc.randomState(), oidc.randomNonce()]
  const key = DPoP && { dpop_jkt: await DPoP.calculateThumbprint() }
  let page = await visitor.open(await authorizationUrl(verifier, { state, nonce, ...key }))
  page = await visitor.press(page, 'login-submit', person)
  if (page.name === 'consent') page = await visitor.press(page, 'consent-allow', { agree: 'yes' })
  if (!page.location) throw new Error(`the login ended on page ${page.name}: ${page.text.slice(0, 2000)}`)
  const expected = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true }
  return oidc.authorizationCodeGrant(config, new URL(page.location), expected, undefined, { DPoP })
}

async function silently() {
  const page = await visitor.open(await authorizationUrl(oidc.randomPKCECodeVerifier(), { prompt: 'none', state: 's' }))
  return new URL(page.location).searchParams.get('error')
}
