import { beforeAll } from 'vitest';
import { testVhost } from '../support/broker.js';
import { transportConformance } from './conformance.js';
import { rabbitConformanceBroker } from './rabbitmq-stage.js';

// The first to ask waits until the broker is installed or its image is loaded: more than a test may take.
beforeAll(async () => (await testVhost()).dispose());

transportConformance('rabbitmq', async () => rabbitConformanceBroker(await testVhost()));
