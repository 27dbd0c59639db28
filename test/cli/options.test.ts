import { describe, expect, it } from 'vitest';
import { UsageError } from '../../src/cli/errors.js';
import * as kind from '../../src/cli/options/kinds.js';
import { didYouMean, editDistance, nearest } from '../../src/cli/options/nearest.js';
import { resolveOptions, type Sources } from '../../src/cli/options/resolve.js';
import { configKeyOf, envOf, flagOf, grouped } from '../../src/cli/options/table.js';
import {
  allTables,
  coordinatorTable,
  inferTable,
  trainTable,
  workerTable,
} from '../../src/cli/options/tables.js';

const group = grouped('Test');
const table = {
  epochs: group.value(kind.integer({ min: 1 }), 10, 'epochs'),
  minWorkers: group.optional(kind.integer({ min: 1 }), null, 'workers'),
  out: group.optional(kind.path('DIR'), null, 'folder'),
  resume: group.value(kind.toggle, false, 'resume'),
} as const;

function sources(o: Partial<Sources> & { file?: Record<string, unknown> }): Sources {
  const { file, ...rest } = o;
  const config =
    file === undefined ? null : { path: '/etc/onko/onko.config.json', folder: '/etc/onko', values: file };
  return { flags: {}, env: {}, config, stored: {}, ...rest };
}

function epochs(o: Parameters<typeof sources>[0]): number {
  return resolveOptions(table, sources(o)).epochs;
}

function message(o: Parameters<typeof sources>[0]): string {
  try {
    resolveOptions(table, sources(o));
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  return 'no error';
}

describe('where a value comes from', () => {
  const layers = {
    flags: { epochs: '1' },
    env: { ONKO_EPOCHS: '2' },
    file: { epochs: 3 },
    stored: { epochs: 4 },
  };

  it('reads `auto`, which yields to what a resumed run has settled', () => {
    const auto = { batch: group.value(kind.orAuto(kind.integer({ min: 16 })), 128, 'batch') };
    const batch = (o: Parameters<typeof sources>[0]) => resolveOptions(auto, sources(o)).batch;
    expect(batch({ flags: { batch: 'auto' } })).toBe('auto');
    expect(batch({ flags: { batch: 'auto' }, stored: { batch: 64 } })).toBe(64);
    expect(batch({ flags: { batch: '32' }, stored: { batch: 64 } })).toBe(32);
    expect(() => batch({ flags: { batch: 'some' } })).toThrow(
      /whole number of at least 16, got "some", or `auto`/,
    );
  });

  it('prefers flag, then environment, then file, then the resumed run, then the default', () => {
    const { flags, env, file, stored } = layers;
    expect(epochs({ flags, env, file, stored })).toBe(1);
    expect(epochs({ env, file, stored })).toBe(2);
    expect(epochs({ file, stored })).toBe(3);
    expect(epochs({ stored })).toBe(4);
    expect(epochs({})).toBe(10);
  });

  it('takes an empty variable for one that is not set', () => {
    expect(resolveOptions(table, sources({ env: { ONKO_EPOCHS: '' } })).epochs).toBe(10);
  });

  it('starts relative paths of the file at the folder of the file, others where the user is', () => {
    expect(resolveOptions(table, sources({ file: { out: 'runs/a' } })).out).toBe('/etc/onko/runs/a');
    expect(resolveOptions(table, sources({ file: { out: '/runs/a' } })).out).toBe('/runs/a');
    expect(resolveOptions(table, sources({ flags: { out: 'runs/a' } })).out).toBe('runs/a');
  });

  it('lets a flag take back what the file or the environment sets', () => {
    const file = { minWorkers: 3, resume: true };
    expect(resolveOptions(table, sources({ file }))).toMatchObject({ minWorkers: 3, resume: true });
    expect(
      resolveOptions(table, sources({ file, flags: { minWorkers: 'none', resume: false } })),
    ).toMatchObject({
      minWorkers: null,
      resume: false,
    });
    expect(resolveOptions(table, sources({ file: { minWorkers: null } })).minWorkers).toBeNull();
  });

  it('says where a wrong value came from, what was expected and what came', () => {
    expect(message({ flags: { epochs: 'ten' } })).toBe(
      '--epochs: expected a whole number of at least 1, got "ten".',
    );
    expect(message({ env: { ONKO_EPOCHS: '0' } })).toBe(
      'ONKO_EPOCHS: expected a whole number of at least 1, got "0".',
    );
    expect(message({ file: { epochs: 2.5 } })).toBe(
      '"epochs" in /etc/onko/onko.config.json: expected a whole number of at least 1, got "2.5".',
    );
  });

  it('says what a missing required option is for', () => {
    expect(() => resolveOptions({ data: trainTable.data }, sources({}))).toThrow(
      /^--data \(or ONKO_DATA\) is missing: say which folder/,
    );
  });
});

describe('names', () => {
  it('follow from the key', () => {
    expect(flagOf('minWorkers')).toBe('--min-workers');
    expect(envOf('minWorkers', { as: null })).toBe('ONKO_MIN_WORKERS');
    expect(configKeyOf('minWorkers', { as: null })).toBe('minWorkers');
    expect(envOf('model', inferTable.model)).toBe('ONKO_INFER_MODEL');
  });

  it('are those that users were promised', () => {
    expect(Object.keys(coordinatorTable)).toEqual(
      expect.arrayContaining([
        'broker',
        'data',
        'train',
        'validate',
        'model',
        'epochs',
        'batch',
        'microshards',
        'optimizer',
        'lr',
        'schedule',
        'seed',
        'out',
        'minWorkers',
        'resume',
      ]),
    );
    expect(Object.keys(workerTable)).toEqual(expect.arrayContaining(['broker', 'threads', 'data']));
    expect(Object.keys(trainTable)).not.toContain('broker');
    const required = Object.entries(workerTable).filter(([, row]) => row.fallback.type === 'required');
    // The address may come by --broker-file too: src/cli/broker-access.ts says so if it comes by neither.
    expect(required.map(([key]) => key)).toEqual([]);
  });

  it('mean one sort of value each in the environment, whatever the command', () => {
    const placeholders = new Map<string, string | null>();
    for (const rows of allTables) {
      for (const [key, row] of Object.entries(rows)) {
        const name = envOf(key, row);
        const before = placeholders.get(name);
        if (before !== undefined) expect([name, row.kind.placeholder]).toEqual([name, before]);
        placeholders.set(name, row.kind.placeholder);
      }
    }
    expect(placeholders.size).toBeGreaterThan(30);
  });
});

describe('kinds of values', () => {
  it('read numbers, and nothing that only looks like one', () => {
    expect(kind.decimal({ above: 0 }).parse('3e-3', null)).toBe(0.003);
    for (const raw of ['', ' ', 'x', '1x', 'NaN', 'Infinity', '0', '-1', true, null, []]) {
      expect(() => kind.decimal({ above: 0 }).parse(raw, null)).toThrow('expected a number above 0');
    }
    expect(() => kind.integer({ min: 0, max: 65_535 }).parse('65536', null)).toThrow('from 0 to 65535');
  });

  it('read lists from text and from JSON', () => {
    const list = kind.list('FOLDERS');
    expect(list.parse('training-a, training-b', null)).toEqual(['training-a', 'training-b']);
    expect(list.parse(['training-a'], null)).toEqual(['training-a']);
    for (const raw of ['', 'a,,b', 'a,a', [], [1]]) expect(() => list.parse(raw, null)).toThrow('expected');
  });

  it('read switches', () => {
    for (const raw of ['1', 'true', 'YES', 'on', true]) expect(kind.toggle.parse(raw, null)).toBe(true);
    for (const raw of ['0', 'False', 'no', 'off', false]) expect(kind.toggle.parse(raw, null)).toBe(false);
    expect(() => kind.toggle.parse('maybe', null)).toThrow('expected true or false, got "maybe"');
  });

  it('read what to validate on', () => {
    expect(kind.validation.parse('0.05', null)).toEqual({ fraction: 0.05 });
    expect(kind.validation.parse('training-d', null)).toEqual({ folder: 'training-d' });
    expect(kind.validation.parse({ folder: 'd' }, null)).toEqual({ folder: 'd' });
    for (const raw of ['none', '0', 0, null]) expect(kind.validation.parse(raw, null)).toBeNull();
    for (const raw of ['1', '-0.1', '7', '', true])
      expect(() => kind.validation.parse(raw, null)).toThrow('expected');
  });

  it('read names, JSON text and objects', () => {
    const spec = kind.nameOrJson('X');
    expect(spec.parse('adamw', null)).toBe('adamw');
    expect(spec.parse('{"type":"sgd"}', null)).toEqual({ type: 'sgd' });
    expect(spec.parse({ type: 'sgd' }, null)).toEqual({ type: 'sgd' });
    expect(() => spec.parse('{"type":', null)).toThrow('valid JSON');
  });

  it('read counts of folders', () => {
    expect(kind.counts.parse('training-a=600,testing-a=30', null)).toEqual({
      'training-a': 600,
      'testing-a': 30,
    });
    expect(kind.counts.parse({ 'training-a': 5 }, null)).toEqual({ 'training-a': 5 });
    for (const raw of ['training-a', 'a=x', 'a=0', '=3'])
      expect(() => kind.counts.parse(raw, null)).toThrow('FOLDER=N');
  });

  it('suggest the nearest choice', () => {
    expect(() => kind.choice(['debug', 'info'], 'LEVEL').parse('debgu', null)).toThrow(
      'Did you mean "debug"?',
    );
  });

  it('take broker URLs, and never repeat one in a message', () => {
    for (const url of ['amqp://h', 'amqps://u:p@h:5671/v', 'amqp://[::1]:5672']) {
      expect(kind.brokerUrl.parse(url, null)).toBe(url);
    }
    for (const url of ['hunter2@host', 'http://u:hunter2@h', 'amqp://', 'u:hunter2@host:5672', '', 5]) {
      const parse = (): string => kind.brokerUrl.parse(url, null);
      expect(parse).toThrow('expected an address like amqp://');
      expect(parse).not.toThrow('hunter2');
    }
  });
});

describe('suggestions', () => {
  it('measure insertions, deletions, substitutions and swaps', () => {
    expect(editDistance('epochs', 'epochs')).toBe(0);
    expect(editDistance('epoch', 'epochs')).toBe(1);
    expect(editDistance('epcohs', 'epochs')).toBe(1);
    expect(editDistance('kitten', 'sitting')).toBe(3);
    expect(editDistance('', 'abc')).toBe(3);
  });

  it('name what is near, and nothing that is far', () => {
    const known = ['epochs', 'batch', 'microshards'];
    expect(nearest('Epoch', known)).toBe('epochs');
    expect(nearest('microshard', known)).toBe('microshards');
    expect(nearest('zzzzzz', known)).toBeNull();
    expect(didYouMean('bacth', known)).toBe(' Did you mean "batch"?');
    expect(didYouMean('zzzzzz', known)).toBe('');
  });
});
