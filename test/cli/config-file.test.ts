import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readConfigFile } from '../../src/cli/options/config-file.js';

let dir = '';
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'onko-config-'));
});
afterAll(() => rm(dir, { recursive: true }));

const known = ['epochs', 'batch', 'broker'];

async function read(content: string) {
  const file = join(dir, 'some.json');
  await writeFile(file, content);
  return readConfigFile(file, '/', known);
}

it('reads a file by name, and onko.config.json of the current folder without one', async () => {
  expect((await read('{"epochs": 3}'))?.values).toEqual({ epochs: 3 });
  expect(await readConfigFile(null, dir, known)).toBeNull();
  await writeFile(join(dir, 'onko.config.json'), '{"batch": 64}');
  expect(await readConfigFile(null, dir, known)).toMatchObject({ folder: dir, values: { batch: 64 } });
});

it('refuses a key that no command knows, with the nearest name', async () => {
  await expect(read('{"epoch": 3}')).rejects.toThrow('unknown key "epoch". Did you mean "epochs"?');
  await expect(read('{"__proto__x": 3}')).rejects.toThrow('unknown key');
});

it('says what is wrong with a file, and does not quote it', async () => {
  await expect(readConfigFile('missing.json', dir, known)).rejects.toThrow('missing.json does not exist');
  await expect(read('[1]')).rejects.toThrow('must hold one JSON object');
  await expect(read('null')).rejects.toThrow('must hold one JSON object');
  const broken = read('{\n"broker": "amqp://u:hunter2@h",,\n}');
  await expect(broken).rejects.toThrow(/is not valid JSON/);
  await expect(broken).rejects.not.toThrow(/hunter2/);
});
