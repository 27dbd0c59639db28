export declare function fitNonNegative(
  rows: readonly (readonly number[])[],
  targets: readonly number[],
): number[];
export declare function fitRelative(
  rows: readonly (readonly number[])[],
  targets: readonly number[],
): number[];
export declare function dot(a: readonly number[], b: readonly number[]): number;
