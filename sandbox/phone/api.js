// The provider as the app speaks to it: every request carries a proof by the phone's key.

import { newKey, proof, random, sha256, verified } from "/app/keys.js";
import { forget, keep, load } from "/app/store.js";
import { language } from "/app/texts.js";

// A refusal: `code` for the app, `detail` for the person. What the app finds out by itself has no detail, but a sentence
// in texts.js.
export class Problem extends Error {
  constructor(code, more = {}) {
    super(code);
    Object.assign(this, { detail: "", language: language() }, more, { code });
  }
}

export let settings;
let key;
let tokens;
let nonce;

// Load what is built in and what is kept.
export async function start() {
  settings = await (await reached("/app.json")).json();
  key = await load("key");
  tokens = await load("tokens");
}

export const isLoggedIn = () => Boolean(tokens);

export async function reset() {
  await forget();
  key = tokens = undefined;
}

export async function logOut() {
  if (tokens) await keep("tokens", undefined);
  tokens = undefined;
}

async function reached(path, options) {
  let answer;
  try {
    answer = await fetch(path, { cache: "no-store", ...options });
  } catch {
    throw new Problem("lost");
  }
  // The phone's own server says so when the provider does not answer.
  if (answer.status === 502) throw new Problem("lost");
  return answer;
}

async function once(method, path, { body, type, token }) {
  const url = settings.provider + path;
  const headers = { "Accept-Language": language(), DPoP: await proof(key, method, url, { nonce, token }) };
  if (token) headers.Authorization = `DPoP ${token}`;
  if (body !== undefined) headers["Content-Type"] = type;
  const answer = await reached(path, { method, headers, body });
  nonce = answer.headers.get("DPoP-Nonce") || nonce;
  const told = await answer.json().catch(() => ({}));
  if (answer.ok) return told;
  const { code, error, ...more } = told;
  throw new Problem(code || error || "failed", { ...more, status: answer.status });
}

// One request, tried again when the provider asks for a fresh nonce.
async function send(method, path, options) {
  try {
    return await once(method, path, options);
  } catch (problem) {
    if (problem.code !== "use_dpop_nonce") throw problem;
    return once(method, path, options);
  }
}

const asJson = (body) => ({ body: body && JSON.stringify(body), type: "application/json" });

// What only the key has to sign for.
export const byKey = (method, path, body) => send(method, path, asJson(body));

// What the person logged in for; a token that is over is renewed once.
export async function call(path, body, method = "POST") {
  try {
    return await send(method, path, { ...asJson(body), token: tokens?.access_token });
  } catch (problem) {
    if (!tokens || problem.code !== "invalid_token") throw problem;
  }
  await renew();
  return send(method, path, { ...asJson(body), token: tokens.access_token });
}

async function renew() {
  try {
    await take({ grant_type: "refresh_token", refresh_token: tokens.refresh_token });
  } catch (problem) {
    if (problem.code === "lost") throw problem;
    await logOut();
    throw new Problem("logged_out");
  }
}

async function take(fields) {
  const body = new URLSearchParams({ client_id: settings.client, ...fields });
  const given = await send("POST", "/token", { body, type: "application/x-www-form-urlencoded" });
  if (given.token_type !== "DPoP") throw new Problem("statement");
  tokens = { access_token: given.access_token, refresh_token: given.refresh_token || tokens?.refresh_token };
  await keep("tokens", tokens);
  return given;
}

// The address at which the person logs in; the browser goes there and comes back to `/`.
export async function loginAddress() {
  key ??= await newKey();
  const login = { state: random(), nonce: random(), verifier: random(48) };
  await keep("key", key);
  await keep("login", login);
  const url = new URL(`${settings.provider}/authorize`);
  url.search = new URLSearchParams({
    response_type: "code",
    client_id: settings.client,
    redirect_uri: `${location.origin}/`,
    scope: settings.scope,
    state: login.state,
    nonce: login.nonce,
    code_challenge: await sha256(login.verifier),
    code_challenge_method: "S256",
    dpop_jkt: key.jkt,
    prompt: "login",
    ui_locales: language(),
  });
  return url;
}

// The answer of a login, which must be to the one that this page began.
export async function finishLogin(answer) {
  const login = await load("login");
  await keep("login", undefined);
  if (!login || answer.get("state") !== login.state || answer.get("iss") !== settings.provider) {
    throw new Problem("not_begun");
  }
  if (answer.has("error")) throw new Problem(answer.get("error") === "access_denied" ? "cancelled" : "failed");
  const given = await take({
    grant_type: "authorization_code",
    code: answer.get("code"),
    redirect_uri: `${location.origin}/`,
    code_verifier: login.verifier,
  });
  const person = await statement(given.id_token);
  if (person.nonce !== login.nonce) throw new Problem("statement");
}

export const who = () => call("/userinfo", undefined, "GET");

// The state of this phone's key: none, active, ended.
export async function state() {
  return key ? byKey("GET", "/phone/device") : { state: "none" };
}

export const disown = () => byKey("POST", "/phone/device/not-me", {});

// The card of a scan, believed only when the provider signed it for this app, about this ticket.
export async function cardOf(scanned) {
  const card = await statement(scanned.card, "qr-card+jwt");
  if (card.ticket !== scanned.ticket) throw new Problem("statement");
  return card;
}

async function statement(text, type) {
  const { keys } = await (await reached("/jwks")).json();
  try {
    return await verified(text, keys, { type, issuer: settings.provider, audience: settings.client });
  } catch {
    throw new Problem("statement");
  }
}

