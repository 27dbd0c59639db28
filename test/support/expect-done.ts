import { expect } from 'vitest';
import type { RunningProgram } from './start-program.js';

/** They end in order, and by themselves; else the test fails with all that they said. */
export async function expectDone(...programs: RunningProgram[]): Promise<void> {
  for (const { ended } of programs) {
    const { code, stdout, stderr } = await ended;
    expect(code, stdout + stderr).toBe(0);
  }
}
