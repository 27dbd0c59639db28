/** There is nothing to classify, or the labels are not the model's: the folder is at fault. Exit code 3. */
export class InferenceError extends Error {
  override readonly name = 'InferenceError';
}
