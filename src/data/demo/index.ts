/** Bengali digits drawn as if by hand, in folders shaped like NumtaDB's: data to start with, where the real set may not go. */
export { type DemoSetOptions, generateDemoSet } from './generate.js';
export { DemoSetError } from './errors.js';
