import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** Node 20 knows relaxed SIMD, but must be told to use it: so that the kernels for it are tested there, too. */
const relaxedSimd = process.versions.node.startsWith('20.') ? ['--experimental-wasm-relaxed-simd'] : [];

export default defineConfig({
  resolve: {
    // Tests import `src/…` for its types and run `dist/…`: what is tested is what ships, threads and binaries included.
    alias: [{ find: /^(?:\.\.\/)+src\//, replacement: fileURLToPath(new URL('./dist/', import.meta.url)) }],
  },
  test: {
    include: ['test/**/*.test.ts'],
    // They need a Docker engine: `npm run test:containers`.
    exclude: ['test/containers/**'],
    globalSetup: ['test/support/global-setup.ts'],
    testTimeout: 60_000,
    // A broker that has to be installed or fetched first takes its time.
    hookTimeout: 300_000,
    maxWorkers: 2,
    execArgv: relaxedSimd,
  },
});
