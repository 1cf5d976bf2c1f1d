// oidc-provider as its documentation shows it; settings by environment: PEER_PORT, PEER_REDIS, PEER_POSTGRESQL (empty:
// everything is in Redis), PEER_WORKERS, PEER_CLIENTS and PEER_PEOPLE (JSON), PEER_ALG (of ID tokens).
//
// The same work as the product does: client_secret_basic, PKCE, Argon2id of 19 MiB and 2 passes, refresh tokens that
// rotate, no consent page for our own portal. Its access tokens are opaque. On Redis alone its only durable thing is Redis'
// memory; postgresql.mjs says what is equal with PostgreSQL.

import cluster from "node:cluster";
import { generateKeyPairSync } from "node:crypto";

import { Algorithm, hash, verify } from "@node-rs/argon2";
import Provider from "oidc-provider";

const stores = await import(process.env.PEER_POSTGRESQL ? "./postgresql.mjs" : "./adapter.mjs");
const ARGON2 = { algorithm: Algorithm.Argon2id, memoryCost: 19456, timeCost: 2, parallelism: 1 };
const env = process.env;
const issuer = `http://localhost:${env.PEER_PORT}`;

function keys() {
  const pairs = [
    ["RS256", generateKeyPairSync("rsa", { modulusLength: 2048 })],
    ["ES256", generateKeyPairSync("ec", { namedCurve: "P-256" })],
  ];
  return { keys: pairs.map(([alg, { privateKey }]) => ({ ...privateKey.export({ format: "jwk" }), alg, use: "sig" })) };
}

async function prepare() {
  const people = JSON.parse(env.PEER_PEOPLE);
  const hashed = await hash(people[0].password, ARGON2);
  await stores.prepare(people.map(({ identifiers, name }) => ({ login: identifiers.bhxh, name, hashed })));
  const jwks = JSON.stringify(keys());
  for (let each = 0; each < Number(env.PEER_WORKERS); each += 1) cluster.fork({ PEER_JWKS: jwks });
  await stores.close();
}

function serve() {
  const provider = new Provider(issuer, {
    ...stores.settings,
    adapter: stores.Adapter,
    clients: JSON.parse(env.PEER_CLIENTS).map((client) => ({
      ...client,
      first_party: undefined,
      scope: client.redirect_uris.length ? "openid profile bhxh again" : client.scope,
      response_types: client.redirect_uris.length ? ["code"] : [],
      id_token_signed_response_alg: env.PEER_ALG,
    })),
    jwks: JSON.parse(env.PEER_JWKS),
    cookies: { keys: ["a key that signs the cookies"] },
    scopes: ["openid", "profile", "bhxh", "again", "reports.read"],
    claims: { openid: ["sub"], profile: ["name"], bhxh: ["bhxh_code"] },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: { enabled: true, ...stores.introspection },
      revocation: { enabled: true },
    },
    pkce: { required: () => true },
    ttl: { AccessToken: 600, AuthorizationCode: 60, IdToken: 600, Session: 43200, Grant: 7776000, Interaction: 1800, RefreshToken: 2592000 },
    rotateRefreshToken: true,
    issueRefreshToken: (_ctx, _client, code) => code.scopes.has("again"),
    interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    async findAccount(_ctx, sub) {
      const found = await stores.person(sub);
      return found && { accountId: sub, claims: () => ({ sub, name: found.name, bhxh_code: sub }) };
    },
    async loadExistingGrant(ctx) {
      const id = ctx.oidc.session.grantIdFor(ctx.oidc.client.clientId);
      const given = id && (await ctx.oidc.provider.Grant.find(id));
      if (given) return given;
      const grant = new ctx.oidc.provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
      grant.addOIDCScope("openid profile bhxh again");
      await grant.save();
      return grant;
    },
  });
  provider.use((ctx, next) => {
    const [, room, uid, login] = ctx.path.split("/");
    if (room !== "interaction" || !uid) return next();
    return login ? logIn(provider, ctx) : page(provider, ctx);
  });
  provider.listen(Number(env.PEER_PORT), "127.0.0.1");
}

async function page(provider, ctx) {
  const { uid } = await provider.interactionDetails(ctx.req, ctx.res);
  ctx.type = "html";
  ctx.body = `<!doctype html><title>Login</title><form method="post" action="/interaction/${uid}/login"><input name="login"><input name="password" type="password"><button>Login</button></form>`;
}

async function logIn(provider, ctx) {
  let body = "";
  for await (const chunk of ctx.req) body += chunk;
  const form = new URLSearchParams(body);
  const found = await stores.person(form.get("login"));
  if (!found || !(await verify(found.hashed, form.get("password")))) ctx.throw(401);
  await provider.interactionFinished(ctx.req, ctx.res, { login: { accountId: form.get("login") } });
  ctx.respond = false;
}

if (cluster.isPrimary) await prepare();
else serve();
