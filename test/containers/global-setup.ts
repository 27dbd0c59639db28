import type { TestProject } from 'vitest/node';
import { findImages, type Images } from './images.js';

declare module 'vitest' {
  interface ProvidedContext {
    images: Images;
  }
}

export default async function setup(project: TestProject): Promise<void> {
  const images = await findImages();
  if (images.standIns) {
    console.warn(
      `No image registry can be reached: the tests run ${[...images.rabbitmq, images.node, images.prometheus].join(', ')}, built from Debian's packages and npm. There is no Grafana among these: it is not started.`,
    );
    // Its image cannot be fetched either; what the tests start they stop themselves.
    process.env['TESTCONTAINERS_RYUK_DISABLED'] = 'true';
  }
  project.provide('images', images);
}
