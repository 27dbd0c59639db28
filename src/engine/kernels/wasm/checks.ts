/**
 * The addon's checks for WebAssembly. Wrong sizes can harm nobody outside of the instance's own memory, but there they would
 * overwrite other arrays without a word. All raise a TypeError.
 */
export function expectElements(operation: string, name: string, found: number, expected: number): void {
  if (found !== expected) {
    throw new TypeError(`${operation}: expected ${name} to have ${expected} elements, found ${found}.`);
  }
}

export function expectRoom(operation: string, name: string, found: number, least: number): void {
  if (found < least) {
    throw new TypeError(`${operation}: expected ${name} to have at least ${least} elements, found ${found}.`);
  }
}

export function expectWhole(
  operation: string,
  name: string,
  found: number,
  least: number,
  most: number,
): void {
  if (!Number.isInteger(found) || found < least || found > most) {
    throw new TypeError(
      `${operation}: expected ${name} to be a whole number from ${least} to ${most}, found ${found}.`,
    );
  }
}

/** labels[16] of which the first `lanes` are classes */
export function expectLabels(operation: string, labels: Uint8Array, lanes: number, classes: number): void {
  expectElements(operation, 'labels', labels.length, 16);
  for (let lane = 0; lane < lanes; lane++) {
    if (labels[lane] >= classes) {
      throw new TypeError(`${operation}: expected every label to be below the number of classes.`);
    }
  }
}
