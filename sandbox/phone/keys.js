// The phone's key, what it signs, and whose signatures the phone believes.

const EC = { name: "ECDSA", namedCurve: "P-256" };
const SIGN = { name: "ECDSA", hash: "SHA-256" };
const utf8 = new TextEncoder();

export function base64url(bytes) {
  return btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
}

function bytesOf(text) {
  return Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
}

export const random = (bytes = 32) => base64url(crypto.getRandomValues(new Uint8Array(bytes)));

export const sha256 = async (text) => base64url(await crypto.subtle.digest("SHA-256", utf8.encode(text)));

// The private key cannot be read, by this page or by anything else: it is kept as a handle.
export async function newKey() {
  const pair = await crypto.subtle.generateKey(EC, false, ["sign", "verify"]);
  const { crv, kty, x, y } = await crypto.subtle.exportKey("jwk", pair.publicKey);
  // RFC 7638: the members in this order, without spaces.
  return { pair, jwk: { crv, kty, x, y }, jkt: await sha256(JSON.stringify({ crv, kty, x, y })) };
}

// A proof of possession (RFC 9449) for one request.
export async function proof(key, method, url, { nonce, token, now = Date.now() }) {
  const header = { typ: "dpop+jwt", alg: "ES256", jwk: key.jwk };
  const claims = { jti: random(16), htm: method, htu: url, iat: Math.floor(now / 1000) };
  if (nonce) claims.nonce = nonce;
  if (token) claims.ath = await sha256(token);
  const input = [header, claims].map((part) => base64url(utf8.encode(JSON.stringify(part)))).join(".");
  return `${input}.${base64url(await crypto.subtle.sign(SIGN, key.pair.privateKey, utf8.encode(input)))}`;
}

// The claims of a statement that was signed with one of `keys` (a JWK set); throws when anything is amiss.
export async function verified(text, keys, { type, issuer, audience, now = Date.now() }) {
  const [head, body, signature, ...rest] = text.split(".");
  const header = JSON.parse(new TextDecoder().decode(bytesOf(head)));
  const jwk = keys.find((each) => each.kid === header.kid && each.kty === "EC" && each.crv === "P-256");
  if (rest.length || header.alg !== "ES256" || !jwk) throw new Error("signed by nobody known");
  if (type && header.typ !== type) throw new Error("another kind of statement");
  const { kty, crv, x, y } = jwk;
  const key = await crypto.subtle.importKey("jwk", { kty, crv, x, y }, EC, false, ["verify"]);
  const good = await crypto.subtle.verify(SIGN, key, bytesOf(signature), utf8.encode(`${head}.${body}`));
  if (!good) throw new Error("the signature is wrong");
  const claims = JSON.parse(new TextDecoder().decode(bytesOf(body)));
  const meant = [claims.aud].flat();
  if (claims.iss !== issuer || meant.length !== 1 || meant[0] !== audience) throw new Error("for somebody else");
  if (!(claims.exp > now / 1000)) throw new Error("over");
  return claims;
}
