import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as nodeFiles from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  type FileOperations,
  makeFolder,
  OutputError,
  removeLeftovers,
  writeAtomically,
} from '../../src/store/index.js';
import { temporaryFolder } from './temporary-folder.js';

const { mkdir, readdir, readFile, rm, symlink, writeFile } = nodeFiles;

const failure = (code: string): Error => Object.assign(new Error(`${code}: simulated`), { code });

type Stage = 'open' | 'write' | 'sync' | 'rename' | 'sync folder';

/** The real file system, but one stage of a write fails; a write that fails has put half its bytes down, as a full disk does. */
function failingAt(stage: Stage, code: string): FileOperations {
  return {
    ...nodeFiles,
    rename: (from, to) => (stage === 'rename' ? Promise.reject(failure(code)) : nodeFiles.rename(from, to)),
    open: async (path, flags) => {
      const forFolder = flags === 'r';
      if (stage === 'open' && !forFolder) throw failure(code);
      const handle = await nodeFiles.open(path, flags);
      const write = handle.writeFile.bind(handle);
      const sync = handle.sync.bind(handle);
      handle.writeFile = async (data) => {
        if (stage !== 'write') return write(data);
        await write(String(data).slice(0, String(data).length / 2));
        throw failure(code);
      };
      handle.sync = async () => {
        if (stage === (forFolder ? 'sync folder' : 'sync')) throw failure(code);
        await sync();
      };
      return handle;
    },
  };
}

test('writes new files and replaces old ones, text and bytes', async () => {
  const folder = await temporaryFolder();
  const path = join(folder, 'a.txt');
  await writeAtomically(path, 'অঙ্ক');
  expect(await readFile(path, 'utf8')).toBe('অঙ্ক');
  await writeAtomically(path, Uint8Array.from([0, 255]));
  expect([...(await readFile(path))]).toEqual([0, 255]);
  expect(await readdir(folder)).toEqual(['a.txt']);
});

test('a relative path, an empty file, a long name', async () => {
  const folder = await temporaryFolder();
  const name = 'n'.repeat(250);
  await writeAtomically(join(folder, name), '');
  expect((await readFile(join(folder, name))).length).toBe(0);
  await writeAtomically(join(folder, '.', 'x', '..', 'b'), 'b');
  expect(await readFile(join(folder, 'b'), 'utf8')).toBe('b');
});

test('follows a symbolic link instead of replacing it', async () => {
  const folder = await temporaryFolder();
  await mkdir(join(folder, 'real'));
  await writeFile(join(folder, 'real', 'model'), 'old');
  await symlink(join('real', 'model'), join(folder, 'link'));
  await writeAtomically(join(folder, 'link'), 'new');
  expect(await readFile(join(folder, 'real', 'model'), 'utf8')).toBe('new');
  expect((await nodeFiles.lstat(join(folder, 'link'))).isSymbolicLink()).toBe(true);
});

describe('whatever fails, the old file stays and the temporary one goes', () => {
  test.each<[Stage, string, string]>([
    ['open', 'EACCES', 'permission denied'],
    ['open', 'EPERM', 'permission denied'],
    ['open', 'EROFS', 'read-only'],
    ['open', 'EMFILE', 'too many files are open'],
    ['write', 'ENOSPC', 'the disk is full. Free some space or choose another folder.'],
    ['write', 'EDQUOT', 'your disk quota is used up'],
    ['write', 'EFBIG', 'no file may grow that large here. Raise the limit'],
    ['sync', 'EIO', 'the disk reports an input/output error'],
    ['sync', 'ENOSPC', 'the disk is full'],
    ['rename', 'EACCES', 'permission denied'],
    ['rename', 'EODD', 'EODD: simulated'],
  ])('%s: %s', async (stage, code, sentence) => {
    const folder = await temporaryFolder();
    const path = join(folder, 'model');
    await writeFile(path, 'old');
    const writing = writeAtomically(path, 'new content', failingAt(stage, code));
    await expect(writing).rejects.toThrow(OutputError);
    await expect(writing).rejects.toThrow(`Cannot write ${path}: `);
    await expect(writing).rejects.toThrow(sentence);
    expect(await readFile(path, 'utf8')).toBe('old');
    expect(await readdir(folder)).toEqual(['model']);
  });

  test('a folder sync that fails is told, though the new file is already there', async () => {
    const path = join(await temporaryFolder(), 'model');
    await expect(writeAtomically(path, 'new', failingAt('sync folder', 'EIO'))).rejects.toThrow(OutputError);
    expect(await readFile(path, 'utf8')).toBe('new');
  });

  test('a file system that cannot sync folders is fine', async () => {
    const path = join(await temporaryFolder(), 'model');
    await writeAtomically(path, 'new', failingAt('sync folder', 'EINVAL'));
    expect(await readFile(path, 'utf8')).toBe('new');
  });
});

describe('refused by the real file system', () => {
  test('the folder does not exist', async () => {
    const path = join(await temporaryFolder(), 'missing', 'model');
    await expect(writeAtomically(path, 'x')).rejects.toThrow('its folder does not exist');
  });

  test('a file stands where the folder should be', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'file'), 'precious');
    const path = join(folder, 'file', 'model');
    await expect(writeAtomically(path, 'x')).rejects.toThrow('a file stands where a folder is needed');
    await expect(makeFolder(path)).rejects.toThrow('a file stands where a folder is needed');
    await expect(makeFolder(join(folder, 'file'))).rejects.toThrow(OutputError);
    expect(await readFile(join(folder, 'file'), 'utf8')).toBe('precious');
  });

  test('a folder has the name', async () => {
    const folder = await temporaryFolder();
    await expect(writeAtomically(folder, 'x')).rejects.toThrow('a folder of that name is already there');
  });

  test('a device has the name: it is not renamed over', async () => {
    await expect(writeAtomically('/dev/null', 'x')).rejects.toThrow('not a plain file');
    expect((await nodeFiles.stat('/dev/null')).isCharacterDevice()).toBe(true);
  });

  test('the name is too long', async () => {
    const path = join(await temporaryFolder(), 'n'.repeat(300));
    await expect(writeAtomically(path, 'x')).rejects.toThrow('the name is too long');
  });
});

const content = (writer: number): string => String.fromCharCode(97 + writer).repeat(100_000);

test('of many writers at once one wins whole, and readers never see a mixture', async () => {
  const folder = await temporaryFolder();
  const path = join(folder, 'shared');
  await writeAtomically(path, content(0));
  const done = new AbortController();
  const reader = (async () => {
    let reads = 0;
    while (!done.signal.aborted) {
      const seen = await readFile(path, 'utf8');
      expect(seen).toHaveLength(100_000);
      expect(new Set(seen).size).toBe(1);
      reads++;
    }
    return reads;
  })();
  for (let turn = 0; turn < 5; turn++) {
    await Promise.all(Array.from({ length: 8 }, (_, writer) => writeAtomically(path, content(writer))));
  }
  done.abort();
  expect(await reader).toBeGreaterThan(0);
  expect(await readdir(folder)).toEqual(['shared']);
});

test('killed in the middle of writing, again and again: the file is always one of the whole ones', async () => {
  const folder = await temporaryFolder();
  const path = join(folder, 'checkpoint');
  const module = new URL('../../dist/store/index.js', import.meta.url).href;
  const program = `
    import { writeAtomically } from ${JSON.stringify(module)};
    for (let turn = 0; ; turn++) {
      await writeAtomically(process.argv[1], String(turn % 10).repeat(2_000_000));
      if (turn === 2) console.log('writing');
    }`;
  for (let kill = 0; kill < 4; kill++) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', program, path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    await new Promise((resolve) => setTimeout(resolve, 3 + 5 * kill));
    child.kill('SIGKILL');
    await once(child, 'exit');
    const found = await readFile(path, 'utf8');
    expect(found).toHaveLength(2_000_000);
    expect(new Set(found).size).toBe(1);
  }
  const before = await readdir(folder);
  expect(await removeLeftovers(folder)).toBe(before.length - 1);
  expect(await readdir(folder)).toEqual(['checkpoint']);
});

describe('leftovers', () => {
  test('only Onko’s temporary files go', async () => {
    const folder = await temporaryFolder();
    const names = ['.onko-1.tmp', '.onko-2.tmp', 'model', '.onko-state', 'a.tmp'];
    for (const name of names) await writeFile(join(folder, name), '');
    expect(await removeLeftovers(folder)).toBe(2);
    expect((await readdir(folder)).toSorted()).toEqual(['.onko-state', 'a.tmp', 'model']);
  });

  test('a folder that is not there has none; a file is no folder', async () => {
    const folder = await temporaryFolder();
    expect(await removeLeftovers(join(folder, 'missing'))).toBe(0);
    await writeFile(join(folder, 'file'), '');
    await expect(removeLeftovers(join(folder, 'file'))).rejects.toThrow(OutputError);
  });
});

test('makeFolder makes the ones above, and is content with one that is there', async () => {
  const folder = join(await temporaryFolder(), 'a', 'b');
  await makeFolder(folder);
  await makeFolder(folder);
  expect((await nodeFiles.stat(folder)).isDirectory()).toBe(true);
  await rm(folder, { recursive: true });
});
