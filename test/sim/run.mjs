import { register } from 'node:module';

register('./to-dist.mjs', import.meta.url);
await import('../../.sim/test/sim/main.js');
