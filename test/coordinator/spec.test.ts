import { describe, expect, it } from 'vitest';
import { checkAudits, isReproducible, parseTrainingSpec } from '../../src/coordinator/spec.js';
import { defaultPreprocessing } from '../../src/data/index.js';
import { namedSpecs } from '../../src/engine/index.js';

const spec = {
  model: namedSpecs.get('lenet'),
  preprocessing: defaultPreprocessing,
  optimizer: 'adam',
  schedule: 'constant',
  learningRate: 0.001,
  clipNorm: null,
  epochs: 2,
  batch: 256,
  microshards: 8,
  seed: 1,
  validate: { fraction: 0.05 },
  trainFolders: ['training-a'],
};

const localSgd = {
  type: 'local-sgd',
  localSteps: 4,
  replicas: 8,
  outer: { learningRate: 0.7, momentum: 0.9 },
};

const asynchronous = { type: 'async', staleness: 8, reproducible: false };
const topk = { type: 'topk', density: 0.01, blocks: 4, reproducible: false };

const audited = (changes: object, share: number) => () =>
  checkAudits(parseTrainingSpec({ ...spec, ...changes }), share);

describe('the training spec', () => {
  it('fills in every default, so that it says what ran', () => {
    const parsed = parseTrainingSpec(spec);
    expect(parsed.optimizer).toMatchObject({ type: 'adam', beta1: 0.9 });
    expect(parsed.schedule).toMatchObject({ type: 'constant' });
    expect(parseTrainingSpec(JSON.parse(JSON.stringify(parsed)))).toEqual(parsed);
  });

  it('of exact training does not say so: its bytes are those from before there were modes', () => {
    const off = { mode: null, weightsDtype: null, gradients: null };
    expect(Object.keys(parseTrainingSpec({ ...spec, ...off }))).toEqual(Object.keys(parseTrainingSpec(spec)));
    expect(parseTrainingSpec({ ...spec, mode: localSgd }).mode).toEqual(localSgd);
  });

  it('of asynchronous training says that its bits depend on more than itself', () => {
    expect(parseTrainingSpec({ ...spec, mode: asynchronous }).mode).toEqual(asynchronous);
    expect(isReproducible(parseTrainingSpec({ ...spec, mode: asynchronous }))).toBe(false);
    const rounded = { mode: asynchronous, gradients: { type: 'int8', blocks: 1 }, weightsDtype: 'bf16' };
    expect(parseTrainingSpec({ ...spec, ...rounded })).toMatchObject(rounded);
  });

  it('says of itself that its bits depend on the cluster, where they do', () => {
    const parsed = parseTrainingSpec({ ...spec, gradients: topk });
    expect(parsed.gradients).toEqual(topk);
    expect(isReproducible(parsed)).toBe(false);
    expect(parseTrainingSpec(JSON.parse(JSON.stringify(parsed)))).toEqual(parsed);
    for (const changes of [{}, { mode: localSgd }, { gradients: { type: 'int8', blocks: 2 } }])
      expect(isReproducible(parseTrainingSpec({ ...spec, ...changes }))).toBe(true);
  });

  it('of such a run refuses audits, which compare bits', () => {
    expect(audited({ gradients: topk }, 0.1)).toThrow(/cannot be audited.*Leave out --audit/);
    expect(audited({ mode: asynchronous }, 0.1)).toThrow(/cannot be audited.*Leave out --audit/);
    expect(audited({ gradients: topk }, 0)).not.toThrow();
    expect(audited({ gradients: { type: 'int8', blocks: 2 } }, 0.1)).not.toThrow();
  });

  it.each([
    [{ batch: 100 }, /8 microshards.*multiple of 16.*is 100: take 128, or/],
    [{ batch: 300 }, /take 256 or 384/],
    [{ microshards: 6 }, /power of two, but it is 6: take 4 or 8/],
    [{ epochs: 0 }, /"epochs"/],
    [{ learningRate: -1 }, /"learningRate"/],
    [{ validate: { fraction: 1 } }, /"validate/],
    [{ trainFolders: [] }, /"trainFolders"/],
    [{ seed: -1 }, /"seed"/],
    [{ unknown: 1 }, /unknown/i],
    [{ mode: { ...localSgd, replicas: 4 } }, /each leaf of the tree is a replica.*4 replicas and 8 micro/],
    [{ mode: { ...localSgd, localSteps: 8192 } }, /2097152: take at most 4096 local steps/],
    [{ mode: { ...localSgd, localSteps: 0 } }, /"mode/],
    [{ mode: { ...localSgd, outer: { learningRate: 0.7, momentum: 1 } } }, /"mode/],
    [{ mode: { type: 'magic' } }, /"mode/],
    [{ mode: localSgd, delay: 1 }, /take a mode or a delay, not both/],
    [{ mode: { ...asynchronous, staleness: -1 } }, /"mode/],
    [{ mode: { type: 'async', staleness: 8 } }, /"mode.reproducible"/],
    [{ mode: asynchronous, delay: 1 }, /late by what it comes to.*not both/],
    [{ mode: asynchronous, gradients: { type: 'int8', blocks: 2 } }, /has 2: leave the blocks out/],
    [{ mode: asynchronous, gradients: { ...topk, blocks: 1 } }, /take fp16 or int8 in the place of topk/],
    [{ weightsDtype: 'fp16' }, /"weightsDtype"/],
    [{ gradients: { type: 'int8', blocks: 3 } }, /power of two up to the 8 microshards, but it is 3/],
    [{ gradients: { type: 'int8', blocks: 16 } }, /up to the 8 microshards, but it is 16/],
    [{ gradients: { type: 'int4', blocks: 2 } }, /"gradients.type"/],
    [{ gradients: { ...topk, density: undefined } }, /"gradients.density"/],
    [{ gradients: { ...topk, density: 0, blocks: 2 } }, /"gradients.density"/],
    [{ gradients: { ...topk, density: 1.1, blocks: 2 } }, /"gradients.density"/],
    [
      { gradients: { ...topk, density: 0.1, blocks: 3 } },
      /power of two up to the 8 microshards, but it is 3/,
    ],
    [{ gradients: { type: 'int8', density: 0.1, blocks: 2 } }, /"gradients"/],
    [{ gradients: { ...topk, reproducible: true } }, /"gradients.reproducible"/],
    [{ gradients: { ...topk, reproducible: undefined } }, /"gradients.reproducible"/],
  ])('refuses %o in a sentence', (changes, message) => {
    expect(() => parseTrainingSpec({ ...spec, ...changes })).toThrow(message);
    try {
      parseTrainingSpec({ ...spec, ...changes });
    } catch (error) {
      expect(error).toHaveProperty('name', 'TrainingSpecError');
    }
  });

  it('leaves the parts to those who know them', () => {
    expect(() => parseTrainingSpec({ ...spec, model: { layers: [] } })).toThrow(
      expect.objectContaining({ name: 'SpecError' }),
    );
    expect(() => parseTrainingSpec({ ...spec, optimizer: 'magic' })).toThrow(
      expect.objectContaining({ name: 'SpecError' }),
    );
  });
});
