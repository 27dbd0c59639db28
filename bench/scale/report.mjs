// The tables of docs/scale.md.
import { stepTerms, workTerms } from './model.mjs';
import { endOf, variants } from './predictions.mjs';

export const markdown = ([head, ...rows]) =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

const short = (value) => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));
/** Two digits: a prediction has no more. */
const rounded = (value) => Number(value.toPrecision(2)).toLocaleString('en');
const percent = (measured, predicted) =>
  `${predicted >= measured ? '+' : '−'}${Math.abs((100 * predicted) / measured - 100).toFixed(0)} %`;
const mega = (rateBits) => `${rateBits / 1e6} Mbit/s`;

const linkWords = ({ link, links }) =>
  link === null
    ? ''
    : `, ${link.workers > 1 ? `all behind one link of ${mega(link.rateBits)}` : `${links} × a link of ${mega(link.rateBits)}`}`;
const words = (point) =>
  [
    `${point.model}, ${point.workers}`,
    linkWords(point),
    point.pauseMs > 0 ? `, computing ${point.pauseMs} ms` : '',
    point.confined ? `, all on ${point.cores} core${point.cores === 1 ? '' : 's'}` : '',
  ].join('');

/** Every cluster that only grew: time and rate of a step, processor time, memory. */
export const measuredTable = (points) =>
  markdown([
    [
      'model, workers',
      'a step, ms',
      'steps/s',
      'processor ms of a step: coordinator',
      'broker',
      'all workers',
      'resident MiB: coordinator',
      'broker',
    ],
    ...points
      .filter(({ pauseMs, link, confined }) => pauseMs === 0 && link === null && !confined)
      .toSorted((a, b) => a.valueBytes - b.valueBytes || a.workers - b.workers)
      .map((point) => [
        words(point),
        short(point.stepMs),
        short(1000 / point.stepMs),
        ...[point.coordinatorMs, point.brokerMs, point.workersMs].map(short),
        point.coordinatorMiB.toFixed(0),
        point.brokerMiB.toFixed(0),
      ]),
  ]);

export const coefficientsTable = (model) =>
  markdown([
    ['processor time', ...workTerms],
    ...['coordinator', 'broker', 'workers'].map((role) => [
      role,
      ...model[role].map((value) => value.toFixed(3)),
    ]),
  ]);

export const stepTable = (model) => markdown([stepTerms, model.step.map((value) => value.toFixed(2))]);

/** Measured beside predicted. */
export const checkTable = (points, predict) =>
  markdown([
    ['', 'measured, ms', 'predicted, ms', 'error'],
    ...points.map((point) => {
      const predicted = predict(point);
      return [words(point), short(point.stepMs), short(predicted), percent(point.stepMs, predicted)];
    }),
  ]);

/** Threads at which half of a step is waiting, and for whom. */
export function endTable(model) {
  const sizes = [
    ['0.06 M', 4 * 61_706],
    ['1 M', 4e6],
    ['10 M', 40e6],
  ];
  const computing = [100, 1000];
  const cells = sizes.flatMap(([name, bytes]) => computing.map((ms) => ({ name, bytes, ms })));
  return markdown([
    ['', ...cells.map(({ name, ms }) => `${name}, ${ms / 1000} s`)],
    ...variants.map((variant) => [
      variant.name,
      ...cells.map(({ bytes, ms }) => {
        const { threads, limit } = endOf(model, variant, bytes, ms);
        return threads === 0 ? `none, ${limit}` : `${rounded(threads)}, ${limit}`;
      }),
    ]),
  ]);
}

/** Puts each text between its two comments, `<!-- bench:scale NAME -->` and `<!-- end -->`. */
export function replaceTables(page, texts) {
  let replaced = page;
  for (const [name, text] of Object.entries(texts)) {
    const begin = `<!-- bench:scale ${name} -->`;
    const at = replaced.indexOf(begin);
    const end = replaced.indexOf('<!-- end -->', at);
    if (at < 0 || end < 0) throw new Error(`Expected ${begin} and <!-- end --> after it in the page.`);
    replaced = `${replaced.slice(0, at + begin.length)}\n\n${text}\n\n${replaced.slice(end)}`;
  }
  return replaced;
}
