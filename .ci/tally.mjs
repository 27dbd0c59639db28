// Reads Vitest's JSON reports and prints the one line that a CI system can read: "N passed, N failed".
//   node tally.mjs NAME EXIT_CODE REPORT [NAME EXIT_CODE REPORT …]
import { readFileSync } from 'node:fs';

const inRepository = (path) => path.replace(/^.*\/(?=test\/)/, '');

/** Which tests failed, and why in a line: the end of a log is what is kept of it. */
function nameFailures(name, testResults) {
  const failures = testResults.flatMap(({ name: file, status, message, assertionResults }) =>
    status === 'failed' && assertionResults.length === 0
      ? [{ title: inRepository(file), reason: message }]
      : assertionResults
          .filter((test) => test.status === 'failed')
          .map(({ fullName, failureMessages: [reason = ''] }) => ({
            title: `${inRepository(file)}: ${fullName}`,
            reason,
          })),
  );
  if (failures.length > 0) console.log(`Failed, ${name}:`);
  for (const { title, reason } of failures)
    console.log(`  ${title}\n    ${reason.split('\n')[0].slice(0, 300)}`);
}

/** What a run of Vitest counted; one that ended badly without a failed test has failed all the same. */
function count(name, exitCode, path) {
  let report;
  try {
    report = JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    console.log(`${name}: ended with code ${exitCode} and no report`);
    return { passed: 0, failed: 1, skipped: 0 };
  }
  const { numPassedTests: passed, numFailedTests, numTotalTests: total, testResults } = report;
  const slowest = testResults
    .map(({ name: file, startTime, endTime }) => ({
      file: inRepository(file),
      seconds: (endTime - startTime) / 1000,
    }))
    .toSorted((a, b) => b.seconds - a.seconds)
    .slice(0, 5);
  console.log(`Slowest files, ${name}:`);
  for (const { file, seconds } of slowest) console.log(`  ${seconds.toFixed(1).padStart(6)} s  ${file}`);
  nameFailures(name, testResults);
  // A file that could not be loaded has no tests to count; it must not look like a pass. Nor must a run that found none.
  const brokenFiles = testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
  ).length;
  const counted = numFailedTests + brokenFiles;
  const failed = counted === 0 && (exitCode !== '0' || passed === 0) ? 1 : counted;
  if (failed > counted) console.log(`${name}: ended with code ${exitCode}, though no test failed`);
  return { passed, failed, skipped: total - passed - numFailedTests };
}

const sum = { passed: 0, failed: 0, skipped: 0 };
for (let i = 2; i < process.argv.length; i += 3) {
  const [name, exitCode, path] = process.argv.slice(i, i + 3);
  const { passed, failed, skipped } = count(name, exitCode, path);
  console.log(`${name}: ${passed} passed, ${failed} failed\n`);
  sum.passed += passed;
  sum.failed += failed;
  sum.skipped += skipped;
}
const skipped = sum.skipped > 0 ? `, ${sum.skipped} skipped` : '';
console.log(`${sum.passed} passed, ${sum.failed} failed${skipped}`);
process.exitCode = sum.passed === 0 || sum.failed > 0 ? 1 : 0;
