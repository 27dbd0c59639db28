import { register } from 'node:module';

register('../support/to-dist.mjs', import.meta.url);
await import('../../.test-programs/test/chaos/main.js');
