import type { Progress } from '../types.js';

export interface DemoSetOptions {
  /** Created if missing; receives the folders and a CSV beside each. */
  folder: string;
  /** 0 … 2³²−1. The same seed gives the same bytes, whatever the number of threads. */
  seed: number;
  /** Images per folder; folders named here replace the default ones of the same name. */
  perFolder?: Record<string, number>;
  /** Drawing threads; default one. The bytes do not depend on it. */
  threads?: number;
  onProgress?: (p: Progress) => void;
  signal?: AbortSignal;
}

export declare function generateDemoSet(o: DemoSetOptions): Promise<void>;
