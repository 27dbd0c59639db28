import { describe } from 'vitest';
import { lifetimeConformance } from './conformance-lifetime.js';
import { messageConformance } from './conformance-messages.js';
import { reducerConformance } from './conformance-reducers.js';
import { taskConformance } from './conformance-tasks.js';
import { type ConformanceBroker, setStage } from './stage.js';

/** What every transport must do, on a fresh broker for every test. */
export function transportConformance(name: string, start: () => Promise<ConformanceBroker>): void {
  describe(`${name} transport`, () => {
    const stage = setStage(start);
    taskConformance(stage);
    messageConformance(stage);
    reducerConformance(stage);
    lifetimeConformance(stage);
  });
}
