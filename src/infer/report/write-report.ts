import { dirname, join } from 'node:path';
import type { ModelFile } from '../../store/index.js';
import { makeFolder, writeAtomically } from '../../store/index.js';
import { calibrate } from '../calibration.js';
import type { Evaluation } from '../evaluate.js';
import { worstMistakes } from '../mistakes.js';
import type { Inference } from '../predict.js';
import { dataSha256 } from './data-identity.js';
import { type ReportContent, renderReport } from './report.js';
import { thumbnail } from './thumbnail.js';

const mistakesShown = 24;

/** Puts a report together from an inference with labels, and writes it. @throws OutputError */
export async function writeReport(
  path: string,
  o: {
    inference: Inference & { labels: Uint8Array };
    evaluation: Evaluation;
    model: ModelFile;
    /** Of the images. */
    folder: string;
  } & Pick<ReportContent, 'modelPath' | 'modelSha256' | 'kernels' | 'numericsId' | 'version' | 'date'> & {
      folderName: string;
    },
): Promise<void> {
  const { inference, evaluation, model, folder, folderName, ...identity } = o;
  const { names, labels, probabilities, untempered, rejects } = inference;
  const classes = model.classes.length;
  const worst = worstMistakes({ names, labels, probabilities, classes, most: mistakesShown });
  const [pictures, data] = await Promise.all([
    Promise.all(worst.map(({ name }) => thumbnail(join(folder, name)))),
    dataSha256(folder, names, labels),
  ]);
  const text = await renderReport({
    ...identity,
    evaluation,
    calibration: calibrate({ labels, probabilities, classes }),
    ownCalibration:
      model.temperature === undefined ? null : calibrate({ labels, probabilities: untempered, classes }),
    mistakes: worst.map((mistake, i) => ({ ...mistake, picture: pictures[i] ?? null })),
    model,
    folder: folderName,
    dataSha256: data,
    rejects,
  });
  await makeFolder(dirname(path));
  await writeAtomically(path, text);
}
