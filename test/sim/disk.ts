import type { Random } from '../../src/engine/index.js';
import type { FileOperations } from '../../src/store/index.js';
import type { SimProcess } from './clock.js';
import { standsFor } from './stand-in.js';

interface Inode {
  data: Buffer;
  /** What the disk itself has of it: all that was written before the last fsync. Null if there was none. */
  synced: Buffer | null;
  isDamaged?: boolean;
}

function failure(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}

const folderOf = (path: string): string => path.slice(0, path.lastIndexOf('/'));
const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** A disk with a page cache: what was not fsynced, contents and names alike, may be gone after a power cut. */
export class SimDisk {
  isFull = false;
  /** As processes see it, and as the disk has it. */
  #names = new Map<string, Inode>();
  #durable = new Map<string, Inode>();
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  /** The files of a run folder as one process reaches them; what it began when it is killed stays undone, or half done. */
  filesOf(process: SimProcess): FileOperations {
    const later = <T>(act: () => T): Promise<T> =>
      new Promise((resolve, reject) => {
        process.after(1 + this.#random.float() * 4, () => {
          try {
            resolve(act());
          } catch (error) {
            reject(error instanceof Error ? error : new Error(String(error)));
          }
        });
      });
    const find = (path: string): Inode => {
      const inode = this.#names.get(path);
      if (inode === undefined) throw failure('ENOENT', path);
      return inode;
    };
    const folderHandle = (folder: string) => ({
      sync: () => later(() => this.#syncFolder(folder)),
      close: async () => undefined,
    });
    const fileHandle = (inode: Inode) => ({
      writeFile: (content: Uint8Array | string) => {
        const bytes = Buffer.from(typeof content === 'string' ? Buffer.from(content) : content);
        inode.data = bytes.subarray(0, this.#random.below(bytes.length + 1));
        return later(() => {
          if (this.isFull) throw failure('ENOSPC', 'write');
          inode.data = bytes;
        });
      },
      sync: () =>
        later(() => {
          inode.synced = inode.data;
        }),
      close: async () => undefined,
    });
    const remove = (path: string): void => {
      find(path);
      this.#names.delete(path);
    };
    const files = {
      access: (path: string) => later(() => void find(path)),
      mkdir: async () => undefined,
      open: (path: string, flags: string) =>
        later(() => {
          if (flags === 'r') return folderHandle(path);
          if (this.#names.has(path)) throw failure('EEXIST', path);
          const inode: Inode = { data: Buffer.alloc(0), synced: null };
          this.#names.set(path, inode);
          return fileHandle(inode);
        }),
      readdir: (folder: string) =>
        later(() => [...this.#names.keys()].filter((path) => folderOf(path) === folder).map(nameOf)),
      readFile: (path: string, encoding?: string) =>
        later(() =>
          encoding === undefined ? Buffer.from(find(path).data) : find(path).data.toString('utf8'),
        ),
      realpath: async (path: string) => path,
      rename: (from: string, to: string) =>
        later(() => {
          const inode = find(from);
          this.#names.delete(from);
          this.#names.set(to, inode);
        }),
      rm: (path: string) => later(() => void this.#names.delete(path)),
      stat: async (path: string) => {
        find(path);
        return { isFile: () => true, isDirectory: () => false };
      },
      unlink: (path: string) => later(() => remove(path)),
    };
    standsFor<FileOperations>(files);
    return files;
  }

  /** Power cut: of what was not synced chance decides, name by name and file by file. */
  powerCut(): void {
    const names = new Map<string, Inode>();
    for (const path of new Set([...this.#names.keys(), ...this.#durable.keys()])) {
      const now = this.#names.get(path);
      const before = this.#durable.get(path);
      const inode = now === before || this.#random.below(2) === 0 ? now : before;
      if (inode !== undefined) names.set(path, inode);
    }
    for (const inode of names.values()) {
      if (inode.synced !== inode.data) inode.data = this.#torn(inode);
      inode.synced = inode.data;
    }
    this.#names = names;
    this.#durable = new Map(names);
  }

  /** The newest file (by name) of those that start so rots, if another one is whole. Says which. */
  damageNewest(prefix: string): string | null {
    const whole = this.list(prefix).filter((path) => this.#names.get(path)?.isDamaged !== true);
    const path = whole.at(-1);
    const inode = path === undefined ? undefined : this.#names.get(path);
    if (whole.length < 2 || path === undefined || inode === undefined) return null;
    inode.data = Buffer.from(inode.data.subarray(0, this.#random.below(inode.data.length)));
    inode.synced = inode.data;
    inode.isDamaged = true;
    return nameOf(path);
  }

  /** Puts a whole file there, before anything begins. */
  place(path: string, content: string): void {
    const data = Buffer.from(content);
    const inode: Inode = { data, synced: data };
    this.#names.set(path, inode);
    this.#durable.set(path, inode);
  }

  /** Null if it is not there, or rots. */
  readWhole(path: string): Buffer | null {
    const inode = this.#names.get(path);
    return inode === undefined || inode.isDamaged === true ? null : inode.data;
  }

  list(prefix: string): string[] {
    return [...this.#names.keys()].filter((name) => name.startsWith(prefix)).toSorted();
  }

  #torn(inode: Inode): Buffer {
    const { data, synced } = inode;
    const dice = this.#random.below(4);
    if (dice === 0) return data;
    if (dice === 1) return synced ?? Buffer.alloc(0);
    return Buffer.from(data.subarray(0, this.#random.below(data.length + 1)));
  }

  #syncFolder(folder: string): void {
    for (const path of this.#durable.keys()) if (folderOf(path) === folder) this.#durable.delete(path);
    for (const [path, inode] of this.#names) if (folderOf(path) === folder) this.#durable.set(path, inode);
  }
}
