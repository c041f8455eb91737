// SPDX-License-Identifier: Apache-2.0

import { Redis } from 'ioredis';

import { checkValue, environment, VALUE_SIZE, type Store } from './workload.js';

export async function openRedis(): Promise<Store> {
  const address = environment('REDIS_ADDRESS');
  const colon = address.lastIndexOf(':');
  const redis = new Redis({
    host: address.slice(0, colon),
    port: Number(address.slice(colon + 1)),
    lazyConnect: true,
    enableAutoPipelining: true,
  });
  await redis.connect();
  const value = Buffer.alloc(VALUE_SIZE, 'v');
  return {
    async get(key) {
      checkValue(await redis.getBuffer(key));
    },
    async put(key) {
      await redis.set(key, value);
    },
    scan: () => Promise.reject(new Error('Redis has no scan in the order of keys')),
    async close() {
      await redis.quit();
    },
  };
}
