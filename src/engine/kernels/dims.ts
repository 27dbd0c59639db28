import type {
  AugmentDims,
  AveragePool2dDims,
  BatchNormDims,
  Conv2dDims,
  DepthwiseDims,
  LinearDims,
  PackDims,
  Pool2dDims,
} from './kernels.js';

/** Dims as the C source has them: their numbers in a row, in the order of the structs in native/kernels.h. */
export const conv2dRow = (d: Conv2dDims): number[] => [
  d.channels,
  d.height,
  d.width,
  d.filters,
  d.kernel,
  d.stride,
  d.padding,
  d.outHeight,
  d.outWidth,
];
export const pool2dRow = (d: Pool2dDims): number[] => [
  d.channels,
  d.height,
  d.width,
  d.size,
  d.stride,
  d.outHeight,
  d.outWidth,
];
export const averagePool2dRow = (d: AveragePool2dDims): number[] => [
  d.channels,
  d.height,
  d.width,
  d.windowHeight,
  d.windowWidth,
  d.stride,
  d.outHeight,
  d.outWidth,
];
export const batchNormRow = (d: BatchNormDims): number[] => [d.channels, d.area];
export const depthwiseRow = (d: DepthwiseDims): number[] => [
  d.channels,
  d.height,
  d.width,
  d.kernel,
  d.stride,
  d.padding,
  d.outHeight,
  d.outWidth,
];
export const linearRow = (d: LinearDims): number[] => [d.inputs, d.units];
export const packRow = (d: PackDims): number[] => [d.pixelChannels, d.channels, d.area];

export const augmentRow = (d: AugmentDims): number[] => [d.channels, d.height, d.width, d.paper];

/** Made once per object: reading the properties of dims on every call would cost more than the call. */
export function remember<Dims extends object, Made>(make: (dims: Dims) => Made): (dims: Dims) => Made {
  const known = new WeakMap<Dims, Made>();
  return (dims) => {
    const found = known.get(dims);
    if (found !== undefined) return found;
    const made = make(dims);
    known.set(dims, made);
    return made;
  };
}
