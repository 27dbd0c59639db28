import { buildModel } from '../../engine/index.js';
import { toOnnx } from '../../exchange/index.js';
import { readModelFile, writeAtomically } from '../../store/index.js';
import type { ExitCode } from '../exit-codes.js';
import { version } from '../host.js';
import type { Values } from '../options/table.js';
import type { exportTable } from '../options/tables.js';
import type { Session } from '../session.js';

/** `onko export MODEL` */
export async function runExport(values: Values<typeof exportTable>, session: Session): Promise<ExitCode> {
  const file = await readModelFile(session.operand);
  await writeAtomically(values.onnx, toOnnx(file, version));
  const { input, classes } = buildModel(file.spec);
  const { channels, height, width } = input;
  session.print(
    `${values.onnx} takes input [N, ${channels}, ${height}, ${width}] and gives logits and probabilities [N, ${classes}].`,
  );
  return 0;
}
