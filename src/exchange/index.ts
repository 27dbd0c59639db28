/** Models to and from formats of other programs. */
export { type Adoption, adoptParameters } from './adopt.js';
export { toOnnx } from './onnx.js';
