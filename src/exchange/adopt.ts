import { float32Of, type Model, type ModelLayer, type NamedTensor, StateDictError } from '../engine/index.js';

/** Parameters that another program has trained, in a model's order. */
export interface Adoption {
  parameters: Float32Array;
  /** Which of its modules became which layer, in the layers' order. */
  pairs: { layer: string; module: string; weight: readonly number[] }[];
}

/** What PyTorch calls a layer: tensors whose names are alike up to the last point. */
interface Module {
  name: string;
  tensors: Map<string, NamedTensor>;
}

const roles = ['weight', 'bias', 'running_mean', 'running_var'];
/** PyTorch counts the steps of a normalisation; nothing is computed with it. */
const counter = 'num_batches_tracked';

/**
 * Finds the layer of each module. Those of the same shapes must have names that differ in numbers alone (`conv1`, `conv2`;
 * `features.0`, `features.3`), and come in their order: any other order would be a guess. A convolution or linear layer
 * without a bias gets zeros.
 *
 * @throws StateDictError saying what does not fit
 */
export function adoptParameters(model: Model, tensors: ReadonlyMap<string, NamedTensor>): Adoption {
  const layers = model.layers.filter(({ parameters }) => parameters.length > 0);
  const all = modulesOf(tensors);
  const modules = groupBy(all, signatureOfModule);
  const wanted = groupBy(layers, signatureOfLayer);
  const chosen = new Map<ModelLayer, Module>();
  for (const [signature, alike] of wanted) {
    const found = modules.get(signature) ?? [];
    if (found.length !== alike.length) {
      throw misfit(model, signature, alike.length, found, all);
    }
    const ordered = inOrder(found, signature);
    for (const [i, layer] of alike.entries()) chosen.set(layer, ordered[i]);
  }
  for (const [signature, found] of modules) {
    if (!wanted.has(signature)) throw misfit(model, signature, 0, found, all);
  }
  const parameters = new Float32Array(model.parameterCount);
  const pairs = [...chosen]
    .toSorted(([a], [b]) => a.index - b.index)
    .map(([layer, module]) => {
      copy(layer, module, parameters);
      return {
        layer: `${layer.index}.${layer.spec.type}`,
        module: module.name,
        weight: module.tensors.get('weight')?.shape ?? [],
      };
    });
  return { parameters, pairs };
}

function modulesOf(tensors: ReadonlyMap<string, NamedTensor>): Module[] {
  const modules = new Map<string, Module>();
  for (const [name, tensor] of tensors) {
    const point = name.lastIndexOf('.');
    const role = name.slice(point + 1);
    if (role === counter) continue;
    if (point < 1 || !roles.includes(role)) {
      throw new StateDictError(
        `Tensor "${name.slice(0, 80)}": expected a name like PyTorch's, a module's name and .${roles.join(', .')}.`,
      );
    }
    const owner = name.slice(0, point);
    const module = modules.get(owner) ?? { name: owner, tensors: new Map<string, NamedTensor>() };
    module.tensors.set(role, tensor);
    modules.set(owner, module);
  }
  return [...modules.values()];
}

/** Modules and layers of one signature can stand for one another. */
const describe = (weight: readonly number[] | undefined, measured: boolean): string =>
  `a weight of [${(weight ?? []).join(', ')}]${measured ? ' and running statistics' : ''}`;

const signatureOfModule = ({ tensors }: Module): string =>
  describe(tensors.get('weight')?.shape, tensors.has('running_mean'));

const signatureOfLayer = ({ parameters, spec }: ModelLayer): string =>
  describe(parameters.find(({ role }) => role === 'weight')?.shape, spec.type === 'batchnorm2d');

function inOrder(modules: readonly Module[], signature: string): Module[] {
  const patterns = new Set(modules.map(({ name }) => name.replaceAll(/\d+/g, '#')));
  if (patterns.size > 1) {
    throw new StateDictError(
      `Several modules have ${signature}: ${list(modules)}. Expected names that differ in numbers alone, which say their order; rename them.`,
    );
  }
  return modules.toSorted((a, b) => compareNumbers(numbersOf(a.name), numbersOf(b.name)));
}

const numbersOf = (name: string): number[] => [...name.matchAll(/\d+/g)].map(([digits]) => Number(digits));

function compareNumbers(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((number, i) => number !== b[i]);
  return at < 0 ? 0 : a[at] - b[at];
}

function copy(layer: ModelLayer, module: Module, into: Float32Array): void {
  for (const { role, shape, offset } of layer.parameters) {
    const tensor = module.tensors.get(role);
    if (tensor === undefined) {
      if (role === 'bias' && layer.spec.type !== 'batchnorm2d') continue;
      throw new StateDictError(
        `Module "${module.name}", for layer ${layer.index} (${layer.spec.type}): its ${role} is missing.`,
      );
    }
    if (tensor.shape.join() !== shape.join()) {
      throw new StateDictError(
        `Tensor "${tensor.name}": expected [${shape.join(', ')}] for layer ${layer.index} (${layer.spec.type}), found [${tensor.shape.join(', ')}].`,
      );
    }
    const values = float32Of(tensor);
    if (!values.every(Number.isFinite)) {
      throw new StateDictError(`Tensor "${tensor.name}": some of its values are no finite numbers.`);
    }
    into.set(values, offset);
  }
}

function misfit(
  { spec }: Model,
  signature: string,
  expected: number,
  found: readonly Module[],
  all: readonly Module[],
): StateDictError {
  const which =
    found.length > 0 ? `${found.length} (${list(found)})` : `none among ${list(all, signatureOfModule)}`;
  return new StateDictError(
    `The weights are not those of the model ${spec.name}: of modules with ${signature}, expected ${expected === 0 ? 'none' : expected}, found ${which}. ` +
      'Check --model: every layer must have the sizes of the other program’s.',
  );
}

function list(modules: readonly Module[], more?: (module: Module) => string): string {
  const shown = modules
    .slice(0, 6)
    .map((module) => module.name.slice(0, 60) + (more === undefined ? '' : ` with ${more(module)}`));
  if (shown.length === 0) return 'no modules at all';
  return [...shown, ...(modules.length > shown.length ? ['…'] : [])].join(', ');
}

function groupBy<T>(all: readonly T[], keyOf: (one: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const one of all) {
    const key = keyOf(one);
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return groups;
}
