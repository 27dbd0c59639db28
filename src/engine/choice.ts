import { z } from 'zod';
import { SpecError } from './spec.js';

/**
 * Reads a setting that is one of several types, each with keys of its own: `{ "type": NAME, … }`, or `NAME` alone for its
 * defaults.
 *
 * @param subject what the setting is called in errors
 * @param schemas one per type
 * @throws SpecError naming the key, what was expected and what was found
 */
export function parseChoice<T>(subject: string, schemas: Record<string, z.ZodType<T>>, json: unknown): T {
  const names = Object.keys(schemas).join(', ');
  const object = typeof json === 'string' ? { type: json } : json;
  const keys = z.record(z.string(), z.unknown()).safeParse(object).data ?? {};
  const { type } = keys;
  const schema = typeof type === 'string' && Object.hasOwn(schemas, type) ? schemas[type] : undefined;
  if (schema === undefined) {
    throw new SpecError(
      `The ${subject} is not known: expected a type of ${names}; found ${show(type ?? json)}.`,
    );
  }
  const parsed = schema.safeParse(object);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const what = `The ${subject} "${String(type)}" is not valid`;
  if (issue?.code === 'unrecognized_keys') {
    throw new SpecError(`${what}: unknown key ${issue.keys.map((key) => `"${key}"`).join(', ')}.`);
  }
  const key = String(issue?.path[0] ?? 'type');
  const found = show(keys[key]);
  throw new SpecError(`${what} at "${key}": ${issue?.message ?? 'unreadable'}; found ${found}.`);
}

function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'number') return String(value);
  return JSON.stringify(value)?.slice(0, 80) ?? typeof value;
}
