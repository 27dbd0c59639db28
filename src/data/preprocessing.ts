import { z } from 'zod';
import { DataError } from './errors.js';

export const preprocessingSchema = z.strictObject({
  /** Of the algorithm: a model trained with one version is never fed images prepared by another. */
  version: z.literal(1),
  color: z.enum(['grey', 'rgb']),
  width: z.int().min(4).max(512),
  height: z.int().min(4).max(512),
  /** `auto`: ink is found per image and comes out bright on black. `keep`: brightness stays as it is in the file. */
  polarity: z.enum(['auto', 'keep']),
  /** Cut to the ink; `margin` is the empty border on each side, as a fraction of the longer side of the ink. `null`: the whole paper. */
  crop: z.strictObject({ margin: z.number().min(0).max(1) }).nullable(),
  /** Network input = (byte / 255 − mean) / std. */
  mean: z.number(),
  std: z.number().positive(),
});

/** How an image file becomes a sample. Stored in the model file; inference repeats it exactly. */
export type Preprocessing = z.infer<typeof preprocessingSchema>;

export const defaultPreprocessing: Preprocessing = {
  version: 1,
  color: 'grey',
  width: 32,
  height: 32,
  polarity: 'auto',
  crop: { margin: 0.1 },
  mean: 0.2,
  std: 0.32,
};

/** @throws DataError naming the first field that does not fit */
export function parsePreprocessing(json: unknown): Preprocessing {
  const parsed = preprocessingSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const where = issue?.path.join('.') || 'the whole description';
  throw new DataError(
    `The preprocessing description is not valid at ${where}: ${issue?.message ?? 'unknown'}.`,
  );
}
