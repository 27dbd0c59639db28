/** What a tensor is to its layer. Running statistics are measured, not learnt. */
export type ParameterRole = 'weight' | 'bias' | 'running_mean' | 'running_var';

/** One tensor of a model and its place in the flat parameter vector (and in the gradient). */
export interface ParameterTensor {
  /** `layer.type.role`, as in "0.conv2d.weight". */
  name: string;
  shape: number[];
  offset: number;
  length: number;
  role: ParameterRole;
  /** Every value before the first step. Absent: a weight's are drawn, others are 0. */
  start?: number;
  fanIn: number;
  fanOut: number;
}
