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
