import { closeSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import type { VectorStore } from '../engine/index.js';
import { OutputError, outputError } from './errors.js';
import { temporaryPath } from './write-atomically.js';

/** Vectors in a file without a name: made when the first comes, gone with the process however that ends. */
export interface VectorFile extends VectorStore {
  /** What is in it is lost; later vectors are not taken. */
  close(): void;
}

/** What `createVectorFile` does with files; tests give some that fail. */
export interface SyncFiles {
  openSync: typeof openSync;
  unlinkSync: typeof unlinkSync;
  writeSync(file: number, bytes: Uint8Array, offset: number, length: number, position: number): number;
  readSync(file: number, bytes: Uint8Array, offset: number, length: number, position: number): number;
  closeSync: typeof closeSync;
}

const realSyncFiles: SyncFiles = { openSync, unlinkSync, writeSync, readSync, closeSync };

/**
 * Waits for the disk, or for the memory that the system keeps of it: whoever adds up gradients has nothing to do in the meantime.
 *
 * @param folder where the file lies. If it cannot be written there, nothing is taken from then on, and `onFailed` hears why, once.
 * @param length values of a vector
 */
export function createVectorFile(
  folder: string,
  length: number,
  onFailed: (failure: OutputError) => void,
  files: SyncFiles = realSyncFiles,
): VectorFile {
  const size = length * Float32Array.BYTES_PER_ELEMENT;
  const free: number[] = [];
  let places = 0;
  let file: number | null = null;
  let isShut = false;

  const open = (): number => {
    if (file !== null) return file;
    const path = temporaryPath(folder);
    file = files.openSync(path, 'wx+');
    files.unlinkSync(path);
    return file;
  };
  const write = (vector: Float32Array, place: number): void => {
    const opened = open();
    const bytes = bytesOf(vector);
    for (let done = 0; done < size; )
      done += files.writeSync(opened, bytes, done, size - done, place * size + done);
  };
  const read = (vector: Float32Array, place: number): void => {
    const bytes = bytesOf(vector);
    for (let done = 0; done < size; ) {
      const got = file === null ? 0 : files.readSync(file, bytes, done, size - done, place * size + done);
      if (got === 0)
        throw new OutputError(`Cannot read back what was put into a file in ${folder}. Check the disk.`);
      done += got;
    }
  };

  return {
    put(vector) {
      if (isShut) return null;
      const place = free.pop() ?? places++;
      try {
        write(vector, place);
      } catch (error) {
        isShut = true;
        onFailed(outputError(folder, error));
        return null;
      }
      const drop = (): void => void free.push(place);
      return {
        moveTo(y) {
          read(y, place);
          drop();
        },
        drop,
      };
    },
    close() {
      isShut = true;
      if (file !== null) files.closeSync(file);
      file = null;
    },
  };
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
