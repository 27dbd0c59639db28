import { connect } from 'amqplib';
import { expect, test } from 'vitest';
import { testVhost } from './broker.js';

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
