// Least squares without negative coefficients, for a handful of terms.

/**
 * The coefficients of the sum of terms that is nearest to the targets, none below zero: of all choices of terms whose least-squares
 * coefficients are positive, the one with the least error. (The best solution is among them: where a coefficient is zero, its term
 * might as well be absent.)
 * @param {number[][]} rows the terms of each point
 * @param {number[]} targets
 * @returns {number[]} a coefficient for each term; 0 for what explains nothing
 */
export function fitNonNegative(rows, targets) {
  const terms = rows[0].length;
  let best = { coefficients: Array(terms).fill(0), error: squaredError(rows, targets, Array(terms).fill(0)) };
  for (let choice = 1; choice < 2 ** terms; choice++) {
    const chosen = Array.from({ length: terms }, (_, i) => i).filter((i) => choice & (1 << i));
    const solution = leastSquares(
      rows.map((row) => chosen.map((i) => row[i])),
      targets,
    );
    if (solution === null || solution.some((value) => value < 0)) continue;
    const coefficients = Array(terms).fill(0);
    for (const [k, i] of chosen.entries()) coefficients[i] = solution[k];
    const error = squaredError(rows, targets, coefficients);
    if (error < best.error) best = { coefficients, error };
  }
  return best.coefficients;
}

/** The same, of relative errors: a point of 2 ms counts as much as one of 2 s. Targets above zero. */
export const fitRelative = (rows, targets) =>
  fitNonNegative(
    rows.map((row, i) => row.map((value) => value / targets[i])),
    targets.map(() => 1),
  );

export const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);

const squaredError = (rows, targets, coefficients) =>
  rows.reduce((sum, row, i) => sum + (dot(row, coefficients) - targets[i]) ** 2, 0);

/** By the normal equations, of columns brought to one length; null where the terms cannot be told apart. */
function leastSquares(rows, targets) {
  const terms = rows[0].length;
  const lengths = Array.from({ length: terms }, (_, i) => Math.hypot(...rows.map((row) => row[i])));
  if (lengths.some((length) => length === 0)) return null;
  const scaled = rows.map((row) => row.map((value, i) => value / lengths[i]));
  const matrix = Array.from({ length: terms }, (_, i) => [
    ...Array.from({ length: terms }, (__, j) => scaled.reduce((sum, row) => sum + row[i] * row[j], 0)),
    scaled.reduce((sum, row, k) => sum + row[i] * targets[k], 0),
  ]);
  // Gauss and Jordan; the matrix is symmetric and has ones in its diagonal.
  for (let i = 0; i < terms; i++) {
    if (Math.abs(matrix[i][i]) < 1e-9) return null;
    for (let k = 0; k < terms; k++) {
      if (k === i) continue;
      const factor = matrix[k][i] / matrix[i][i];
      for (let j = i; j <= terms; j++) matrix[k][j] -= factor * matrix[i][j];
    }
  }
  return matrix.map((row, i) => row[terms] / row[i] / lengths[i]);
}
