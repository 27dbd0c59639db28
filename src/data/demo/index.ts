/** Bengali digits drawn as if by hand, in folders shaped like NumtaDB's: data to start with, where the real set may not go. */
export { DemoOutputError, DemoSetError } from './errors.js';
export { type DemoSetOptions, generateDemoSet } from './generate.js';
