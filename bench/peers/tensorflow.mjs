// A model spec in TensorFlow.js: images [N][H][W][C], the layout its kernels are written for; tensors stay resident, and what a
// call makes is disposed of.

/** Every layer that learns: a weight in TensorFlow's order (convolution K,K,C,F; linear I,U), and a bias. */
function parametersOf(tf, model) {
  return model.layers.map(({ parameters }) => {
    const shapes = parameters.map(({ shape }) =>
      shape.length === 4
        ? [shape[2], shape[3], shape[1], shape[0]]
        : shape.length === 2
          ? [shape[1], shape[0]]
          : shape,
    );
    return shapes.map((shape) => tf.variable(tf.randomNormal(shape, 0, 0.05)));
  });
}

const images = (tf, { input }, count) => tf.randomUniform([count, input.height, input.width, input.channels]);

const padded = (tf, x, padding) =>
  padding === 0
    ? x
    : tf.pad(x, [
        [0, 0],
        [padding, padding],
        [padding, padding],
        [0, 0],
      ]);

/** Padding as the convolution itself can do it; what is left must be added to the image first. */
const pads = ({ kernel, stride = 1, padding = 0 }) =>
  padding === 0 ? 'valid' : stride === 1 && 2 * padding === kernel - 1 ? 'same' : null;

const withoutActivation = (tf, spec, x) => {
  if (spec.type === 'relu') return tf.relu(x);
  if (spec.type === 'maxpool2d') {
    const { size, stride = size } = spec;
    return tf.maxPool(x, size, stride, 'valid');
  }
  if (spec.type === 'flatten') return tf.reshape(x, [x.shape[0], -1]);
  throw new Error(`no ${spec.type} in this benchmark's TensorFlow.js`);
};

/** → a call that computes the probabilities: convolutions and linear layers fused with their bias and ReLU. */
export function inference(tf, model, count) {
  const parameters = parametersOf(tf, model);
  const x = images(tf, model, count);
  const { layers } = model.spec;
  const forward = () => {
    let y = x;
    for (let i = 0; i < layers.length; i++) {
      const spec = layers[i];
      const fuses = layers[i + 1]?.type === 'relu';
      const activation = fuses ? 'relu' : 'linear';
      const [weight, bias] = parameters[i];
      if (spec.type === 'conv2d') {
        const pad = pads(spec);
        const input = pad === null ? padded(tf, y, spec.padding) : y;
        y = tf.fused.conv2d({
          x: input,
          filter: weight,
          strides: spec.stride ?? 1,
          pad: pad ?? 'valid',
          bias,
          activation,
        });
        if (fuses) i++;
      } else if (spec.type === 'linear') {
        y = tf.fused.matMul({ a: y, b: weight, bias, activation });
        if (fuses) i++;
      } else if (spec.type === 'softmax') y = tf.softmax(y);
      else if (spec.type !== 'dropout') y = withoutActivation(tf, spec, y);
    }
    return y;
  };
  return () => {
    const probabilities = tf.tidy(forward);
    probabilities.dataSync();
    probabilities.dispose();
  };
}

/** → a call that computes the gradient of the loss sum for all parameters. */
export function training(tf, model, count) {
  const parameters = parametersOf(tf, model);
  const x = images(tf, model, count);
  const labels = tf.oneHot(
    tf.tensor1d(
      Array.from({ length: count }, (_, i) => i % model.classes),
      'int32',
    ),
    model.classes,
  );
  const loss = () => {
    let y = x;
    for (const [i, spec] of model.spec.layers.entries()) {
      const [weight, bias] = parameters[i];
      if (spec.type === 'conv2d') {
        const pad = pads(spec);
        const input = pad === null ? padded(tf, y, spec.padding) : y;
        y = tf.add(tf.conv2d(input, weight, spec.stride ?? 1, pad ?? 'valid'), bias);
      } else if (spec.type === 'linear') y = tf.add(tf.matMul(y, weight), bias);
      else if (spec.type === 'dropout') y = tf.dropout(y, spec.rate);
      else if (spec.type === 'softmax') continue;
      else y = withoutActivation(tf, spec, y);
    }
    return tf.losses.softmaxCrossEntropy(labels, y, undefined, undefined, tf.Reduction.SUM);
  };
  return () => {
    const { value, grads } = tf.variableGrads(loss);
    value.dispose();
    for (const gradient of Object.values(grads)) gradient.dispose();
  };
}
