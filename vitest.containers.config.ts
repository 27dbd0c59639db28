import { defineConfig, mergeConfig } from 'vitest/config';
import shared from './vitest.config.js';

/** `npm run test:containers`: what needs a Docker engine. Without one it fails and says what to install. */
export default mergeConfig(
  { ...shared, test: { ...shared.test, include: [], exclude: [], globalSetup: [] } },
  defineConfig({
    test: {
      include: ['test/containers/**/*.test.ts'],
      globalSetup: ['test/containers/global-setup.ts'],
      testTimeout: 240_000,
      // Images that have to be fetched or built first take their time.
      hookTimeout: 900_000,
      fileParallelism: false,
    },
  }),
);
