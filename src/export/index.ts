/** Models in formats that other programs read. */
export { toOnnx } from './onnx.js';
