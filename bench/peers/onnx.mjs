// A model spec as an ONNX file with random parameters, as few bytes of the format as inference needs.
// Field numbers: onnx.proto of the ONNX project.

const varint = (n) => {
  const out = [];
  let rest = BigInt.asUintN(64, BigInt(n));
  do {
    out.push(Number(rest & 127n) | (rest > 127n ? 128 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Buffer.from(out);
};
const number = (field, n) => Buffer.concat([varint(field << 3), varint(n)]);
const bytes = (field, content) => {
  const data = typeof content === 'string' ? Buffer.from(content) : content;
  return Buffer.concat([varint((field << 3) | 2), varint(data.length), data]);
};
const message = (...parts) => Buffer.concat(parts);

const attribute = (name, value) =>
  Array.isArray(value)
    ? message(bytes(1, name), ...value.map((n) => number(8, n)), number(20, 7))
    : message(bytes(1, name), number(3, value), number(20, 2));

const operation = (type, inputs, output, attributes = {}) =>
  message(
    ...inputs.map((name) => bytes(1, name)),
    bytes(2, output),
    bytes(4, type),
    ...Object.entries(attributes).map(([name, value]) => bytes(5, attribute(name, value))),
  );

function tensor(name, shape) {
  const length = shape.reduce((a, b) => a * b, 1);
  const values = Float32Array.from({ length }, () => (Math.random() - 0.5) * 0.1);
  return message(
    ...shape.map((n) => number(1, n)),
    number(2, 1),
    bytes(8, name),
    bytes(9, Buffer.from(values.buffer)),
  );
}

function valueInfo(name, shape) {
  const dims = shape.map((n) => bytes(1, number(1, n)));
  const type = message(number(1, 1), bytes(2, message(...dims)));
  return message(bytes(1, name), bytes(2, bytes(1, type)));
}

/** For one batch size. `model` is what buildModel gives. */
export function toOnnx(model, batch) {
  const { channels, height, width } = model.input;
  const operations = [];
  const tensors = [];
  let current = 'input';
  model.spec.layers.forEach((layer, i) => {
    if (layer.type === 'dropout') return;
    const output = `y${i}`;
    const shapes = model.layers[i].parameters.map(({ shape }) => shape);
    shapes.forEach((shape, k) => tensors.push(tensor(`p${i}.${k}`, shape)));
    const inputs = [current, ...shapes.map((_, k) => `p${i}.${k}`)];
    const add = (type, attributes) => operations.push(operation(type, inputs, output, attributes));
    if (layer.type === 'conv2d') {
      const { kernel, stride = 1, padding = 0 } = layer;
      add('Conv', {
        kernel_shape: [kernel, kernel],
        strides: [stride, stride],
        pads: [padding, padding, padding, padding],
      });
    } else if (layer.type === 'maxpool2d') {
      const { size, stride = size } = layer;
      add('MaxPool', { kernel_shape: [size, size], strides: [stride, stride] });
    } else if (layer.type === 'linear') add('Gemm', { transB: 1 });
    else add({ relu: 'Relu', flatten: 'Flatten', softmax: 'Softmax' }[layer.type]);
    current = output;
  });
  const graph = message(
    ...operations.map((o) => bytes(1, o)),
    bytes(2, 'g'),
    ...tensors.map((t) => bytes(5, t)),
    bytes(11, valueInfo('input', [batch, channels, height, width])),
    bytes(12, valueInfo(current, [batch, model.classes])),
  );
  return message(number(1, 8), bytes(7, graph), bytes(8, number(2, 13)));
}
