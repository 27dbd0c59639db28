import { spawn } from 'node:child_process';
import { testProgram } from './program.js';

/** What `promtool check metrics` finds wrong with a page; '' for one that is as it should be. Ask for promtool in `beforeAll`. */
export async function checkMetrics(page: string): Promise<string> {
  const child = spawn(await testProgram('promtool'), ['check', 'metrics'], { stdio: 'pipe' });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  child.stdin.end(page);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => resolve(status));
  });
  return code === 0 ? output : `promtool ended with ${code}: ${output}`;
}
