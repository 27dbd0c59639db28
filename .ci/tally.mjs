// Reads Vitest's JSON report and prints the one line that a CI system can read: "N passed, N failed".
import { readFileSync } from 'node:fs';

const report = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const { numPassedTests: passed, numFailedTests: failed, numTotalTests: total, testResults } = report;
const slowest = testResults
  .map(({ name, startTime, endTime }) => ({
    file: name.replace(`${process.cwd()}/`, ''),
    seconds: (endTime - startTime) / 1000,
  }))
  .toSorted((a, b) => b.seconds - a.seconds)
  .slice(0, 5);
console.log('Slowest files:');
for (const { file, seconds } of slowest) console.log(`  ${seconds.toFixed(1).padStart(6)} s  ${file}`);
// A file that could not be loaded has no tests to count; it must not look like a pass.
const brokenFiles = testResults.filter(
  ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
).length;
const skipped = total - passed - failed;
console.log(`${passed} passed, ${failed + brokenFiles} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
process.exitCode = passed === 0 || failed + brokenFiles > 0 ? 1 : 0;
