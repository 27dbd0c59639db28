import { askService } from './broker.js';
import type { ProgramName, ProgramSearch } from './install-programs.js';

/**
 * Path of a program that a test needs, installed first where that is possible. Call it in `beforeAll`: installing takes longer
 * than a test may.
 *
 * @throws Error that says how to get the program
 */
export async function testProgram(name: ProgramName): Promise<string> {
  const found: ProgramSearch = JSON.parse(await askService('GET', `/programs/${name}`));
  if (found.path === null) throw new Error(`This test needs ${name}: ${found.why}.`);
  return found.path;
}
