import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { levelFolder } from '../infer/level-model.js';

/**
 * Writes what `onko train` or `coordinator start` trains in a moment when it is started in `dir`: the images `training-a`, a model
 * of one layer (of two, with `hidden` units between), and the config file that is taken by default.
 */
export async function writeTinyRun(
  dir: string,
  o: {
    images?: number;
    /** Height and width of the model's input. */
    side?: number;
    hidden?: number;
    /** More for the config file, or other values. */
    options?: Record<string, unknown>;
  } = {},
): Promise<void> {
  const { images = 160, side = 8, hidden, options } = o;
  await levelFolder(dir, 'training-a', images);
  const between = hidden === undefined ? [] : [{ type: 'linear', units: hidden }, { type: 'tanh' }];
  const model = {
    name: 'tiny',
    input: [1, side, side],
    layers: [{ type: 'flatten' }, ...between, { type: 'linear', units: 10 }, { type: 'softmax' }],
  };
  await writeFile(join(dir, 'tiny.json'), JSON.stringify(model));
  const config = {
    data: '.',
    train: 'training-a',
    model: 'tiny.json',
    preprocessing: { polarity: 'keep', crop: null, mean: 0.5, std: 0.3 },
    batch: 64,
    microshards: 4,
    ...options,
  };
  await writeFile(join(dir, 'onko.config.json'), JSON.stringify(config));
}
