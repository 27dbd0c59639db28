import { drawPictures, images, labels, modelFiles, specs } from './files.js';
import { gradients } from './gradients.js';
import { messages } from './messages.js';
import type { Target } from './target.js';

export async function allTargets(): Promise<Target[]> {
  return [messages, gradients, modelFiles, specs, labels, images(await drawPictures())];
}
