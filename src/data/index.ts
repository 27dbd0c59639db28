/** Image folders and their CSVs in, packed and content-hashed samples out. */
export { type Augmenter, createAugmenter } from './augment/augmenter.js';
export { type Augmentation, augmentationPresets, parseAugmentation } from './augment/spec.js';
export { decodeImage } from './decode/decode.js';
export { type Decoded, type DecodeOptions, decodeFiles } from './decode/pool.js';
export { DemoOutputError, DemoSetError, type DemoSetOptions, generateDemoSet } from './demo/index.js';
export { BlockMismatchError, BlockMissingError, CacheError, DataError, ImageError } from './errors.js';
export { type FolderOptions, type FolderSamples, loadFolder } from './folder/load.js';
export { type SurveyedFolder, surveyDataSet } from './folder/survey.js';
export { BlockStore } from './pack/block-store.js';
export { parseManifest } from './pack/manifest.js';
export { type PackOptions, preparePack } from './pack/prepare.js';
export { preprocess } from './preprocess/preprocess.js';
export { defaultPreprocessing, type Preprocessing, parsePreprocessing } from './preprocessing.js';
export { channelsOf, sampleBytesOf } from './sample-shape.js';
export { epochOrder, splitIndices, type Validation } from './sampling.js';
export type { Pack, PackManifest, Progress, RawImage, Reject, SampleReader } from './types.js';
