/** The demo set cannot be drawn as asked: unusable fonts or counts. Exit code 3. */
export class DemoSetError extends Error {
  override readonly name = 'DemoSetError';
}
