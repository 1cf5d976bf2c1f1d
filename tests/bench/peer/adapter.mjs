// The adapter of oidc-provider on Redis: a hash for what is consumed, a string for the rest, one MULTI for each write.

import { Redis } from "ioredis";

const CONSUMABLE = new Set(["AuthorizationCode", "RefreshToken", "DeviceCode"]);
const OF_A_GRANT = new Set(["AccessToken", "AuthorizationCode", "RefreshToken", "DeviceCode"]);
export const redis = new Redis(process.env.PEER_REDIS);
export const settings = {};
export const introspection = {};

export async function prepare(people) {
  for (const { login, ...rest } of people) await redis.set(`peer:person:${login}`, JSON.stringify(rest));
}

export async function person(login) {
  const text = await redis.get(`peer:person:${login}`);
  return text ? JSON.parse(text) : undefined;
}

export async function close() {
  redis.disconnect();
}

export class RedisAdapter {
  constructor(model) {
    this.model = model;
  }

  key(id) {
    return `peer:${this.model}:${id}`;
  }

  async upsert(id, payload, expiresIn) {
    const key = this.key(id);
    const text = JSON.stringify(payload);
    const multi = redis.multi();
    if (CONSUMABLE.has(this.model)) multi.hset(key, { payload: text });
    else multi.set(key, text);
    if (expiresIn) multi.expire(key, expiresIn);
    if (OF_A_GRANT.has(this.model) && payload.grantId) {
      const grant = `peer:grant:${payload.grantId}`;
      multi.rpush(grant, key);
      if (expiresIn) multi.expire(grant, 86400);
    }
    if (payload.uid) multi.set(`peer:uid:${payload.uid}`, id, "EX", expiresIn || 86400);
    await multi.exec();
  }

  async find(id) {
    if (!CONSUMABLE.has(this.model)) {
      const text = await redis.get(this.key(id));
      return text ? JSON.parse(text) : undefined;
    }
    const { payload, ...rest } = await redis.hgetall(this.key(id));
    return payload ? { ...rest, ...JSON.parse(payload) } : undefined;
  }

  async findByUid(uid) {
    const id = await redis.get(`peer:uid:${uid}`);
    return id ? this.find(id) : undefined;
  }

  async findByUserCode() {
    return undefined;
  }

  async consume(id) {
    await redis.hset(this.key(id), "consumed", Math.floor(Date.now() / 1000));
  }

  async destroy(id) {
    await redis.del(this.key(id));
  }

  async revokeByGrantId(grantId) {
    const grant = `peer:grant:${grantId}`;
    const keys = await redis.lrange(grant, 0, -1);
    await redis.del(grant, ...keys);
  }
}

export const Adapter = RedisAdapter;
