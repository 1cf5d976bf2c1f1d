// A service behind a portal, driven by openid-client: it exchanges the portal's access token, uses what it gets and looks at it.
// Standard input says where, as whom and with which token; standard output is one JSON object of what happened.

import { webcrypto } from 'node:crypto'
import dns from 'node:dns'
import { text } from 'node:stream/consumers'

globalThis.crypto ??= webcrypto
globalThis.CryptoKey ??= webcrypto.CryptoKey
dns.setDefaultResultOrder('ipv4first')
const oidc = await import('openid-client')

const ask = JSON.parse(await text(process.stdin))
const config = await oidc.discovery(
  new URL(ask.issuer),
  ask.client.client_id,
  {},
  oidc.ClientSecretBasic(ask.client.client_secret),
  { execute: [oidc.allowInsecureRequests] },
)
const grant = 'urn:ietf:params:oauth:grant-type:token-exchange'
const asked = { subject_token: ask.token, subject_token_type: 'urn:ietf:params:oauth:token-type:access_token' }
const DPoP = ask.dpop ? oidc.getDPoPHandle(config, await oidc.randomDPoPKeyPair('ES256')) : undefined

const tokens = await oidc.genericGrantRequest(config, grant, { ...asked, scope: 'openid profile' }, { DPoP })
const refused = await oidc.genericGrantRequest(config, grant, { ...asked, scope: 'openid email' }, { DPoP }).then(
  () => 'issued',
  (error) => error.error,
)
const userinfo = await oidc.fetchUserInfo(config, tokens.access_token, oidc.skipSubjectCheck, { DPoP })
const introspected = await oidc.tokenIntrospection(config, tokens.access_token)
const { token_type, scope, issued_token_type } = tokens
process.stdout.write(JSON.stringify({ token_type, scope, issued_token_type, refused, userinfo, introspected }))
