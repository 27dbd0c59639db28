import { setFlagsFromString } from 'node:v8';

/**
 * Has V8 collect its garbage whole, when there is a need, and not in the background, bit by bit.
 *
 * A step's messages are buffers outside of V8's heap, a megabyte or two. V8 adds those of the steps since its last look at everything
 * to the size of a heap of twenty, takes that for growth, and begins to mark everything in the background, again and again: in one of
 * three processes every eight steps, and then for good, with a quarter of the main thread and as much of another core. The buffers
 * themselves die young, and need none of it. Looking at everything at once takes 10 to 20 ms, and happens a few times in a minute.
 */
export function collectAtOnce(): void {
  setFlagsFromString('--no-incremental-marking');
}
