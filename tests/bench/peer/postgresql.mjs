// The adapter of oidc-provider with what has to last in PostgreSQL: accounts, sessions, grants and refresh tokens, each
// write committed to the disk, each request reading once what stands now. Interactions, codes and access tokens are in Redis.
//
// Equal to the product: a code and a refresh token are consumed once, by one conditional write, and a refresh is one
// commit; userinfo and introspection ask for session, grant and account in one joined read; a revocation deletes the
// grant, and with it ends every code and token of it, also those that an older Redis brings back; a session that only
// lives on is written once a minute. Not equal: a login is two commits (grant, session), where the product's session and
// audit row are one; access tokens end when Redis loses them, where the product's are JWTs; an access token is
// revoked together with its grant; no epoch, no audit trail, no count of attempts, and nothing deletes expired rows.

import Provider, { errors } from "oidc-provider";
import pg from "pg";

import { RedisAdapter, close as closeRedis, redis } from "./adapter.mjs";

const TABLES = { Session: "session", Grant: "consent", RefreshToken: "refresh_token" };
const LIVES_ON = 60; // Seconds by which an expiry has to grow until it is written.
const REFRESH_TOKEN = 44; // Characters: one more than other tokens have, so that nobody looks for those in the table.
const pool = new pg.Pool({ connectionString: process.env.PEER_POSTGRESQL, max: 8 });
const requests = new WeakMap();

export const settings = {
  formats: { bitsOfOpaqueRandomness: (_ctx, token) => (token.kind === "RefreshToken" ? 6 * REFRESH_TOKEN : 256) },
  revokeGrantPolicy: () => true,
};
export const introspection = {
  allowedPolicy: async (_ctx, _client, token) => !token.accountId || Boolean(await person(token.accountId)),
};

async function rows(name, text, values) {
  return (await pool.query({ name, text, values })).rows;
}

// What the request that is being answered has read, so that it asks once.
function read() {
  const { ctx } = Provider;
  if (!ctx) return new Map();
  if (!requests.has(ctx)) requests.set(ctx, new Map());
  return requests.get(ctx);
}

// The row of `source`, a table or keys, and with it the session, grant and account that it names.
async function standing(name, source, where, values) {
  const [row] = await rows(
    name,
    `SELECT k.*, s.body AS s_body, s.expires_at AS s_expires_at, g.body AS g_body, g.expires_at AS g_expires_at, a.name, a.hashed
     FROM ${source} k LEFT JOIN session s ON s.uid = k.uid LEFT JOIN consent g ON g.id = k.grant_id
     LEFT JOIN account a ON a.login = k.account ${where}`,
    values,
  );
  if (!row) return undefined;
  const known = read();
  if (row.uid) known.set(`session uid ${row.uid}`, row.s_body ? { body: row.s_body, expires_at: row.s_expires_at } : undefined);
  if (row.grant_id) known.set(`consent id ${row.grant_id}`, row.g_body ? { body: row.g_body, expires_at: row.g_expires_at } : undefined);
  known.set(`account ${row.account}`, row.hashed ? { name: row.name, hashed: row.hashed } : undefined);
  return row;
}

export async function prepare(people) {
  await pool.query("CREATE TABLE account (login text PRIMARY KEY, name text NOT NULL, hashed text NOT NULL)");
  for (const table of Object.values(TABLES)) {
    await pool.query(
      `CREATE TABLE ${table} (id text PRIMARY KEY, uid text, grant_id text, account text, body text NOT NULL,
       consumed float8, expires_at float8 NOT NULL) WITH (fillfactor = 80)`,
    );
  }
  await pool.query("CREATE UNIQUE INDEX ON session (uid)");
  await pool.query("CREATE INDEX ON refresh_token (grant_id)");
  for (const { login, name, hashed } of people) await pool.query("INSERT INTO account VALUES ($1, $2, $3)", [login, name, hashed]);
}

export async function person(login) {
  const key = `account ${login}`;
  const known = read();
  if (!known.has(key)) known.set(key, (await rows("person", "SELECT name, hashed FROM account WHERE login = $1", [login]))[0]);
  return known.get(key);
}

export async function close() {
  await pool.end();
  await closeRedis();
}

class Durable {
  constructor(model) {
    this.table = TABLES[model];
  }

  rows(name, text, values) {
    return rows(`${name} ${this.table}`, text, values);
  }

  async upsert(id, { exp, ...payload }) {
    const body = JSON.stringify(payload);
    const key = `${this.table} id ${id}`;
    const before = read().get(key);
    if (before?.body === body && exp < before.expires_at + LIVES_ON) return;
    read().delete(key);
    const { uid, sessionUid, grantId, accountId, authorizations = {} } = payload;
    const newest = Object.values(authorizations).at(-1)?.grantId; // A session reads it along; others are asked for.
    await this.write([id, uid ?? sessionUid, grantId ?? newest, accountId, body, exp]);
  }

  async write(values) {
    await this.rows(
      "upsert",
      `INSERT INTO ${this.table} (id, uid, grant_id, account, body, expires_at) VALUES ($1, $2, $3, $4, $5, $6)
       ON CONFLICT (id) DO UPDATE SET grant_id = excluded.grant_id, account = excluded.account, body = excluded.body,
       expires_at = excluded.expires_at`,
      values,
    );
  }

  async find(id) {
    return this.found("id", id, () => this.rows("find", `SELECT body, expires_at FROM ${this.table} WHERE id = $1`, [id]));
  }

  async findByUid(uid) {
    return this.found("uid", uid, () => this.rows("by uid", `SELECT body, expires_at FROM ${this.table} WHERE uid = $1`, [uid]));
  }

  async found(column, value, ask) {
    const key = `${this.table} ${column} ${value}`;
    const known = read();
    if (!known.has(key)) known.set(key, (await ask())[0]);
    const row = known.get(key);
    return row && { ...JSON.parse(row.body), exp: row.expires_at, ...(row.consumed && { consumed: row.consumed }) };
  }

  async destroy(id) {
    read().delete(`${this.table} id ${id}`);
    await this.rows("destroy", `DELETE FROM ${this.table} WHERE id = $1`, [id]);
  }

  async revokeByGrantId(grantId) {
    await this.rows("revoke", `DELETE FROM ${this.table} WHERE grant_id = $1`, [grantId]);
  }
}

class Sessions extends Durable {
  async find(id) {
    return this.found("id", id, async () => [await standing("session", "session", "WHERE k.id = $1", [id])]);
  }
}

class RefreshTokens extends Durable {
  async find(id) {
    if (id.length !== REFRESH_TOKEN) return undefined;
    return this.found("id", id, async () => [await standing("refresh", "refresh_token", "WHERE k.id = $1", [id])]);
  }

  // Every token rotates: the one that is saved in this request takes the place of the consumed one in the same commit.
  async consume(id) {
    read().set("consumed", id);
  }

  async write(values) {
    const consumed = read().get("consumed");
    if (!consumed) return super.write(values);
    const text = `WITH used AS (UPDATE refresh_token SET consumed = $8 WHERE id = $7 AND consumed IS NULL RETURNING id)
      INSERT INTO refresh_token (id, uid, grant_id, account, body, expires_at) SELECT $1, $2, $3, $4, $5, $6 FROM used RETURNING id`;
    const written = await this.rows("rotate", text, [...values, consumed, Math.floor(Date.now() / 1000)]);
    if (!written.length) throw new errors.InvalidGrant("already used");
  }
}

// What is in Redis ends with its grant in PostgreSQL, so there is no list of a grant's tokens to keep.
class ShortLived extends RedisAdapter {
  async upsert(id, payload, expiresIn) {
    const key = this.key(id);
    const text = JSON.stringify(payload);
    if (this.model !== "AuthorizationCode") await redis.set(key, text, "EX", expiresIn);
    else await redis.multi().hset(key, { payload: text }).expire(key, expiresIn).exec();
  }

  async find(id) {
    const found = await super.find(id);
    const named = [found?.sessionUid, found?.grantId, found?.accountId];
    const keys = "(SELECT $1::text AS uid, $2::text AS grant_id, $3::text AS account)";
    if (found?.grantId) await standing("keys", keys, "", named);
    return found;
  }

  async consume(id) {
    const isFirst = await redis.hsetnx(this.key(id), "consumed", Math.floor(Date.now() / 1000));
    if (!isFirst) throw new errors.InvalidGrant("already used");
  }

  async revokeByGrantId() {}
}

const KINDS = { Session: Sessions, Grant: Durable, RefreshToken: RefreshTokens };
export const Adapter = (model) => new (KINDS[model] ?? ShortLived)(model);
