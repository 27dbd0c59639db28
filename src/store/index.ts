/** Files that must never be half there: atomic writes, and the model file; and one for what memory has no room for. */
export { canonicalJson } from './canonical-json.js';
export { errorCode, ModelFileError, OutputError, outputError } from './errors.js';
export {
  decodeModelFile,
  encodeModelFile,
  type FittedTemperature,
  type ModelFile,
  readModelBytes,
  readModelFile,
  temperatureMetadata,
} from './model-file.js';
export { createVectorFile, type SyncFiles, type VectorFile } from './vector-file.js';
export {
  type FileOperations,
  makeFolder,
  realFiles,
  removeLeftovers,
  writeAtomically,
} from './write-atomically.js';
