/** A moment of the run, for the progress line and the live page. */
export interface Progress {
  run: string;
  phase: 'gathering' | 'training' | 'evaluating' | 'finished' | 'stopped';
  /** 1 for the first epoch. */
  epoch: number;
  epochs: number;
  /** Whole steps done since the beginning of the run. */
  step: number;
  totalSteps: number;
  /** Mean loss in nats and accuracy (0…1) of the epoch so far; null before its first step. */
  loss: number | null;
  accuracy: number | null;
  learningRate: number;
  /** Of the last epoch that was validated. */
  validationLoss: number | null;
  validationAccuracy: number | null;
  imagesPerSecond: number;
  etaSeconds: number | null;
  workers: number;
  threads: number;
  /** What is waited for, in one sentence; null while everything flows. */
  waiting: string | null;
}
