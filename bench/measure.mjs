// Seconds of processor time: on an idle machine the clock's, and on a shared one what the work itself took.

export function processorSeconds() {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1e-6;
}

/** Seconds that each of `calls` calls of `work` took. */
export function time(work, calls) {
  return Array.from({ length: calls }, () => {
    const start = processorSeconds();
    work();
    return processorSeconds() - start;
  });
}

export function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted.length === 0 ? Number.NaN : sorted[sorted.length >> 1];
}

/**
 * Where the median of what `numbers` were drawn from lies with at least nine chances of ten, whatever their distribution: each
 * number is below it with one chance of two. With four or fewer there is no such range, and it is all of them.
 */
export function medianRange(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const n = sorted.length;
  let outside = 2 ** (1 - n);
  let cut = 0;
  for (let ways = n; cut + 1 < n - cut - 1 && outside + ways * 2 ** (1 - n) <= 0.1; cut++) {
    outside += ways * 2 ** (1 - n);
    ways = (ways * (n - cut - 1)) / (cut + 2);
  }
  return { low: sorted[cut], high: sorted[n - 1 - cut] };
}

/** Rows of cells as text, the columns lined up; numbers to the right. */
export function table(rows) {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => String(row[i] ?? '').length)));
  return rows
    .map((row, r) =>
      row
        .map((cell, i) =>
          r > 0 && i > 0 ? String(cell ?? '').padStart(widths[i]) : String(cell ?? '').padEnd(widths[i]),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
