import { generateDemoSet } from '../../data/demo/index.js';
import type { ExitCode } from '../exit-codes.js';
import type { Values } from '../options/table.js';
import type { demoTable } from '../options/tables.js';
import type { Session } from '../session.js';

/** `onko dataset demo DIR` */
export async function runDatasetDemo(values: Values<typeof demoTable>, session: Session): Promise<ExitCode> {
  const folder = session.operand;
  const unknown = { loss: null, accuracy: null, imagesPerSecond: null, workers: null };
  await generateDemoSet({
    folder,
    seed: values.seed,
    ...(values.count === null ? {} : { perFolder: values.count }),
    onProgress: ({ done, total }) => session.progress({ phase: 'drawing', done, total, ...unknown }),
    signal: session.signals.stop,
  });
  const folders = Object.keys(values.count ?? { 'training-a': 0, 'training-b': 0 });
  const training = folders.filter((name) => name.startsWith('training'));
  session.print(
    [
      `The demo set is in ${folder}.`,
      'Train on it with',
      `  onko train --data ${folder} --train ${(training.length > 0 ? training : folders).join(',')}`,
    ].join('\n'),
  );
  return 0;
}
