import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { beforeAll, expect, test } from 'vitest';
import { testProgram } from './program.js';

const run = promisify(execFile);
let paths: string[];

// The first to ask waits until it is installed: more than a test may take.
beforeAll(async () => {
  paths = await Promise.all([
    testProgram('chromium'),
    testProgram('prometheus'),
    testProgram('promtool'),
    testProgram('python'),
  ]);
});

test('programs that tests need are there, and run', async () => {
  const versions = await Promise.all(paths.map(async (path) => run(path, ['--version'])));
  const said = versions.map(({ stdout, stderr }) => `${stdout}${stderr}`);
  expect(said).toEqual([
    expect.stringMatching(/chrom/i),
    expect.stringMatching(/^prometheus, version/),
    expect.stringMatching(/^promtool, version/),
    expect.stringMatching(/^Python 3/),
  ]);
});
