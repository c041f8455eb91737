// SPDX-License-Identifier: Apache-2.0

import { Client } from 'vasto';

import { checkValue, environment, VALUE_SIZE, type Store } from './workload.js';

export async function openVasto(): Promise<Store> {
  const client = await Client.open({ masters: environment('VASTO_TEST_MASTER') });
  const keyspace = await client.keyspace(environment('VASTO_BENCH_KEYSPACE'));
  const value = Buffer.alloc(VALUE_SIZE, 'v');
  return {
    async get(key) {
      checkValue((await keyspace.get(key))?.data);
    },
    async put(key) {
      await keyspace.put(key, value);
    },
    async scan() {
      let count = 0;
      for await (const rows of keyspace.scan().blocks()) {
        for (const row of rows) {
          checkValue(row.value);
        }
        count += rows.length;
      }
      return count;
    },
    close: () => client.close(),
  };
}
