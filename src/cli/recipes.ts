/** Options that go well together, by config name; how they were chosen stands in docs/accuracy.md. */
export interface Recipe {
  name: string;
  values: Readonly<Record<string, unknown>>;
}

const lenet: Recipe = {
  name: 'lenet',
  values: {
    model: 'lenet',
    augmentation: 'affine',
    labelSmoothing: 0.05,
    optimizer: 'adamw',
    lr: 0.004,
    schedule: 'one_cycle',
    epochs: 20,
    batch: 128,
    microshards: 8,
    validate: 'none',
  },
};

/** The same over slow links. A replica's optimizer begins anew every 16 steps: SGD needs no such time to find its way as AdamW does. */
const lenetLocal: Recipe = {
  name: 'lenet-local',
  values: {
    ...lenet.values,
    mode: 'local-sgd',
    localSteps: 16,
    replicas: 4,
    outerLr: 1,
    outerMomentum: 0.5,
    optimizer: { type: 'sgd', momentum: 0.9 },
    lr: 0.05,
  },
};

const onkoNet: Recipe = {
  name: 'onko-net',
  values: {
    ...lenet.values,
    model: 'onko-net',
    lr: 0.003,
    averaging: 0.999,
    epochs: 16,
    // Thirty-two samples each, over which the batch normalisation takes its statistics.
    microshards: 4,
  },
};

/** A recipe names every option that it depends on, so that another default elsewhere does not change it. */
export const recipes: ReadonlyMap<string, Recipe> = new Map(
  [lenet, lenetLocal, onkoNet].map((recipe) => [recipe.name, recipe]),
);
