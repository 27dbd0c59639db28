import { createHash } from 'node:crypto';
import { buildModel, decodeSafetensors, SafetensorsError } from '../../engine/index.js';
import { adoptParameters } from '../../exchange/index.js';
import { encodeModelFile, ModelFileError, readModelBytes, writeAtomically } from '../../store/index.js';
import type { ExitCode } from '../exit-codes.js';
import { version } from '../host.js';
import type { Values } from '../options/table.js';
import type { importTable } from '../options/tables.js';
import type { Session } from '../session.js';
import { modelSpecOf, preprocessingOf } from '../training-spec.js';

/** `onko import WEIGHTS` */
export async function runImport(values: Values<typeof importTable>, session: Session): Promise<ExitCode> {
  const model = buildModel(await modelSpecOf(values.model));
  const preprocessing = preprocessingOf(values.preprocessing, model.spec);
  const bytes = await readModelBytes(session.operand);
  const { parameters, pairs } = adoptParameters(model, tensorsOf(bytes, session.operand));
  const file = encodeModelFile({
    spec: model.spec,
    preprocessing,
    classes: Array.from({ length: model.classes }, (_, digit) => String(digit)),
    provenance: { onko: version, imported: createHash('sha256').update(bytes).digest('hex') },
    parameters,
  });
  await writeAtomically(values.out, file);
  const width = Math.max(...pairs.map(({ layer }) => layer.length));
  session.print(
    [
      `${values.out} holds ${model.spec.name} with these weights:`,
      ...pairs.map(
        ({ layer, module, weight }) => `  ${layer.padEnd(width)}  ${module} [${weight.join(', ')}]`,
      ),
    ].join('\n'),
  );
  return 0;
}

function tensorsOf(bytes: Uint8Array, path: string): ReturnType<typeof decodeSafetensors>['tensors'] {
  try {
    return decodeSafetensors(bytes).tensors;
  } catch (error) {
    if (!(error instanceof SafetensorsError)) throw error;
    throw new ModelFileError(
      `The weights ${path} cannot be used: ${error.message}. Name a file that save_file of safetensors wrote, in float32.`,
      { cause: error },
    );
  }
}
