/** One learnt tensor and its place in the flat parameter vector (and in the gradient). */
export interface ParameterTensor {
  /** `layer.type.role`, as in "0.conv2d.weight". */
  name: string;
  shape: number[];
  offset: number;
  length: number;
  role: 'weight' | 'bias';
  fanIn: number;
  fanOut: number;
}
