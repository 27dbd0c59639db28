import {
  type GradientEncoding,
  isReproducible,
  type RunView,
  type TrainingSpec,
} from '../../coordinator/index.js';
import {
  type GallerySection,
  type LinesSection,
  type PagePhase,
  type PageReading,
  type PageState,
  type Point,
  type ProgressSection,
  pictureUrl,
} from '../../page/index.js';
import { reducersOf, workersOf } from './member-rows.js';

/** What the page can show of a run without asking anybody else. */
type RunSections = Omit<PageReading, 'phases' | 'messages'>;

/** A page is no place for a thousand rows: history.csv has them. */
const epochsShown = 12;
const pointsShown = 240;

const phaseOf: Readonly<Record<RunView['status']['phase'], PagePhase>> = {
  gathering: 'gathering',
  training: 'training',
  evaluating: 'validating',
  finished: 'finished',
  stopped: 'stopped',
};

/** A run that has not begun: its images are being prepared. */
export function stateBefore(spec: TrainingSpec, version: string, note: string | null): RunSections {
  return {
    run: { name: '', version, facts: factsOf(spec, null), classes: [] },
    progress: {
      phase: 'preparing',
      note,
      epoch: 0,
      epochs: spec.epochs,
      step: 0,
      steps: 0,
      loss: null,
      accuracy: null,
      validationAccuracy: null,
      learningRate: null,
      imagesPerSecond: null,
      seconds: 0,
      etaSeconds: null,
      workers: 0,
      threads: 0,
      freeRanges: 0,
    },
    lines: () => ({ loss: [], accuracy: [], validationLoss: [], validationAccuracy: [], throughput: [] }),
    workers: { rows: [], more: 0 },
    reducers: null,
    epochs: [],
    validation: null,
    gallery: null,
  };
}

/** `picture`: makes a picture once and remembers it. */
export function stateOf(
  view: RunView,
  spec: TrainingSpec,
  version: string,
  picture: (pixels: Uint8Array, size: { width: number; height: number; channels: number }) => string,
): RunSections {
  const { status } = view;
  const classes = classNames(view);
  return {
    run: { name: status.run, version, facts: factsOf(spec, view), classes },
    progress: progressOf(view),
    lines: () => linesOf(view),
    workers: workersOf(view),
    reducers: reducersOf(status),
    epochs: view.epochs.slice(-epochsShown).map((row) => ({
      epoch: row.epoch,
      trainLoss: row.trainLoss,
      trainAccuracy: row.trainAccuracy,
      validationLoss: row.validationLoss,
      validationAccuracy: row.validationAccuracy,
      seconds: row.seconds,
    })),
    validation:
      view.validation === null
        ? null
        : { epoch: view.validation.epoch, confusion: inRows(view.validation.confusion) },
    gallery: galleryOf(view, picture),
  };
}

export function progressOf({ status, seconds, threads }: RunView): ProgressSection {
  const isOver = status.phase === 'finished' || status.phase === 'stopped';
  return {
    phase: phaseOf[status.phase],
    note: isOver ? null : status.waiting,
    epoch: status.epoch,
    epochs: status.epochs,
    step: status.step,
    steps: status.totalSteps,
    loss: status.loss,
    accuracy: status.accuracy,
    validationAccuracy: status.validationAccuracy,
    learningRate: status.learningRate,
    imagesPerSecond: status.imagesPerSecond,
    seconds: Math.round(seconds),
    etaSeconds: isOver || status.etaSeconds === null ? null : Math.round(status.etaSeconds),
    workers: status.workers.filter(({ state }) => state === 'ready').length,
    threads,
    freeRanges: status.ranges.filter(({ state }) => state !== 'held').length,
  };
}

const line = (points: readonly (readonly number[])[], value: number): Point[] =>
  points.map((point) => [round(point[0]), round(point[value])]);

function linesOf({ course, pace, epochs }: RunView): LinesSection {
  const stride = Math.ceil(epochs.length / pointsShown);
  const some = epochs.filter((_, i) => (epochs.length - 1 - i) % stride === 0);
  const validated = (read: (row: RunView['epochs'][number]) => number | null): Point[] =>
    some.flatMap((row) => {
      const value = read(row);
      return value === null ? [] : [[row.step, round(value)] satisfies Point];
    });
  return {
    loss: line(course, 1),
    accuracy: line(course, 2),
    validationLoss: validated((row) => row.validationLoss),
    validationAccuracy: validated((row) => row.validationAccuracy),
    throughput: line(pace, 1),
  };
}

/** As many digits as a screen shows: most of what travels are these. */
const round = (value: number): number => Number(value.toPrecision(5));

function inRows(confusion: Uint32Array): number[][] {
  const side = Math.round(Math.sqrt(confusion.length));
  return Array.from({ length: side }, (_, row) => [...confusion.subarray(row * side, (row + 1) * side)]);
}

/** Onko's classes are digits; the model's size says how many. */
function classNames({ validation }: RunView): string[] {
  const count = validation === null ? 0 : Math.round(Math.sqrt(validation.confusion.length));
  return Array.from({ length: count }, (_, digit) => String(digit));
}

function galleryOf({ gallery }: RunView, picture: Parameters<typeof stateOf>[3]): GallerySection | null {
  if (gallery === null) return null;
  const { epoch, samples, width, height, channels } = gallery;
  return {
    epoch,
    samples: samples.map(({ name, pixels, truth, digit, confidence }) => ({
      picture: picture(pixels, { width, height, channels }),
      name,
      truth: String(truth),
      guess: String(digit),
      confidence: round(confidence),
    })),
  };
}

const count = (n: number): string => n.toLocaleString('en-GB');

function wordsOf(mode: NonNullable<TrainingSpec['mode']>): string {
  if (mode.type === 'local-sgd') return `${mode.type}, ${mode.localSteps} local steps`;
  return `${mode.type}, gradients up to ${mode.staleness} updates late, not bit-identical`;
}

function gradientWords(gradients: GradientEncoding): string {
  const kept =
    gradients.type === 'topk'
      ? `, ${Number((100 * gradients.density).toPrecision(3))} % of their values`
      : '';
  return `gradients in ${gradients.type}${kept}, ${gradients.blocks} blocks`;
}

/** What makes it another algorithm than exact training; nothing for that. */
function modeFacts(spec: TrainingSpec): [string, string][] {
  const { mode, weightsDtype, gradients } = spec;
  const facts = [
    mode === undefined ? [] : wordsOf(mode),
    weightsDtype === undefined ? [] : `weights in ${weightsDtype}`,
    gradients === undefined ? [] : gradientWords(gradients),
  ].flat();
  const bits: [string, string][] = isReproducible(spec)
    ? []
    : [['Bits', 'depend on the cluster, not on spec and data alone']];
  return facts.length === 0 ? [] : [['Mode', facts.join('; ')], ...bits];
}

function factsOf(spec: TrainingSpec, view: RunView | null): PageState['run']['facts'] {
  const rows = [
    [
      'Model',
      view === null ? spec.model.name : `${view.model.name}, ${count(view.model.parameters)} parameters`,
    ],
    [
      'Trained on',
      spec.trainFolders.join(', ') + (view === null ? '' : ` (${count(view.samples.train)} images)`),
    ],
    ...(view === null || view.samples.validation === 0
      ? []
      : [['Validated on', `${count(view.samples.validation)} images`]]),
    [
      'Batch',
      `${spec.batch} in ${spec.microshards} ${spec.mode?.type === 'local-sgd' ? 'replicas' : 'microshards'}`,
    ],
    ...modeFacts(spec),
    ['Optimizer', `${spec.optimizer.type}, ${spec.schedule.type}, ${spec.learningRate}`],
    ['Seed', String(spec.seed)],
  ] as const;
  return rows.map(([name, value]) => ({ name, value }));
}

/** Pictures by their pixels: the samples stay the same over a run, so each is encoded once. */
export function rememberPictures(): Parameters<typeof stateOf>[3] {
  const known = new WeakMap<Uint8Array, string>();
  return (pixels, size) => {
    const before = known.get(pixels);
    if (before !== undefined) return before;
    const url = pictureUrl({ pixels, ...size });
    known.set(pixels, url);
    return url;
  };
}
