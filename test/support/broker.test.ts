import { connect } from 'amqplib';
import { beforeAll, expect, test } from 'vitest';
import { testVhost } from './broker.js';

// The first to ask waits until the broker is installed or its image is loaded: more than a test may take.
beforeAll(async () => (await testVhost()).dispose());

test('a virtual host of its own for every test', async () => {
  const vhosts = await Promise.all([testVhost(), testVhost()]);
  expect(vhosts[0]?.url).not.toBe(vhosts[1]?.url);
  for (const { url, dispose } of vhosts) {
    const connection = await connect(url);
    await connection.close();
    await dispose();
    await expect(connect(url)).rejects.toThrow();
  }
});
