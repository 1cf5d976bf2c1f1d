// A screen without a keyboard, driven by openid-client: it asks for its codes, a person lets it in or not, it polls.
// Standard input says where, as whom and how it ends; standard output is one JSON object of what happened.

import { webcrypto } from 'node:crypto'
import dns from 'node:dns'
import { text } from 'node:stream/consumers'
import { Visitor } from './visitor.mjs'

globalThis.crypto ??= webcrypto
globalThis.CryptoKey ??= webcrypto.CryptoKey
dns.setDefaultResultOrder('ipv4first')
const oidc = await import('openid-client')

const ask = JSON.parse(await text(process.stdin))
const { client, person, button } = ask
const config = await oidc.discovery(
  new URL(ask.issuer),
  client.client_id,
  { id_token_signed_response_alg: client.id_token_signed_response_alg },
  client.client_secret ? oidc.ClientSecretBasic(client.client_secret) : oidc.None(),
  { execute: [oidc.allowInsecureRequests, oidc.enableNonRepudiationChecks] },
)
const DPoP = ask.dpop ? oidc.getDPoPHandle(config, await oidc.randomDPoPKeyPair('ES256')) : undefined

const shown = await oidc.initiateDeviceAuthorization(config, { scope: client.scope })
const polling = oidc.pollDeviceAuthorizationGrant(config, shown, undefined, { DPoP }).then(
  (tokens) => ({ tokens }),
  (error) => ({ error: error.error ?? String(error) }),
)
const pages = await decided(new Visitor(ask.issuer))
const { tokens, error } = await polling
const happened = { shown: { ...shown, device_code: undefined }, pages, error }
if (tokens) {
  const claims = tokens.claims()
  happened.claims = claims
  happened.token_type = tokens.token_type
  happened.userinfo = await oidc.fetchUserInfo(config, tokens.access_token, claims.sub, { DPoP })
  const refreshed = await oidc.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP })
  happened.refreshed = refreshed.access_token !== tokens.access_token
}
process.stdout.write(JSON.stringify(happened))

async function decided(visitor) {
  const pages = []
  let page = await visitor.open(shown.verification_uri)
  pages.push(page.name)
  page = await visitor.press(page, 'device-continue', { user_code: shown.user_code.toLowerCase() })
  pages.push(page.name)
  page = await visitor.press(page, 'login-submit', person)
  pages.push(page.name)
  page = await visitor.press(page, button, { agree: 'yes' })
  pages.push(page.name)
  return pages
}
