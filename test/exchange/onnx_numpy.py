"""Runs ONNX files with numpy alone, in float64: a reader of its own, so that the writer is not checked against itself.

For every pair of arguments MODEL.onnx INPUT.f32 one line of JSON: the outputs by name, each a list of rows.
"""

import json
import struct
import sys

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def fields(data):
    """A protobuf message as {field number: [values]}."""
    found, at = {}, 0
    while at < len(data):
        tag, at = varint(data, at)
        if tag & 7 == 0:
            value, at = varint(data, at)
        elif tag & 7 == 2:
            size, at = varint(data, at)
            value, at = data[at : at + size], at + size
        else:
            assert tag & 7 == 5
            value, at = struct.unpack_from("<f", data, at)[0], at + 4
        found.setdefault(tag >> 3, []).append(value)
    return found


def integers(values):
    """A repeated integer field, packed or not; negative numbers are 64-bit two's complement."""
    out = []
    for value in values:
        at = 0
        while isinstance(value, bytes) and at < len(value):
            number, at = varint(value, at)
            out.append(number)
        if isinstance(value, int):
            out.append(value)
    return [n - 2**64 if n >= 2**63 else n for n in out]


def attribute(data):
    found = fields(data)
    kind = found[20][0]
    value = found[2][0] if kind == 1 else found[3][0] if kind == 2 else integers(found[8])
    return found[1][0].decode(), value


def windows(x, size, strides):
    return sliding_window_view(x, size, (2, 3))[:, :, :: strides[0], :: strides[1]]


def conv(x, w, b, kernel_shape, strides, pads, group):
    top, left, bottom, right = pads
    x = windows(np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right))), kernel_shape, strides)
    parts = zip(np.split(x, group, 1), np.split(w, group))
    y = [np.einsum("nchwij,fcij->nfhw", xs, ws, optimize=True) for xs, ws in parts]
    return np.concatenate(y, 1) + b[:, None, None]


def normalise(x, w, b, mean, variance, epsilon):
    shape = (-1,) + (1,) * (x.ndim - 2)
    w, b, mean, variance = (v.reshape(shape) for v in (w, b, mean, variance))
    return (x - mean) / np.sqrt(variance + epsilon) * w + b


def softmax(x, axis):
    powers = np.exp(x - x.max(axis, keepdims=True))
    return powers / powers.sum(axis, keepdims=True)


operators = {
    "Conv": conv,
    "MaxPool": lambda x, kernel_shape, strides: windows(x, kernel_shape, strides).max((-1, -2)),
    "AveragePool": lambda x, kernel_shape, strides: windows(x, kernel_shape, strides).mean((-1, -2)),
    "GlobalAveragePool": lambda x: x.mean((2, 3), keepdims=True),
    "BatchNormalization": normalise,
    "Relu": lambda x: np.maximum(x, 0),
    "LeakyRelu": lambda x, alpha: np.where(x < 0, alpha * x, x),
    "Tanh": np.tanh,
    "Sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "Add": np.add,
    "Flatten": lambda x, axis: x.reshape(int(np.prod(x.shape[:axis])), -1),
    "Reshape": lambda x, shape: x.reshape(shape),
    "Gemm": lambda x, w, b, transB: x @ (w.T if transB else w) + b,
    "Softmax": softmax,
}


def tensor(data):
    found = fields(data)
    kind = {1: "<f4", 7: "<i8"}[found[2][0]]
    values = np.frombuffer(found[9][0], kind).reshape(integers(found[1]))
    return found[8][0].decode(), values.astype(float) if kind == "<f4" else values


def run(model, floats):
    graph = fields(fields(model)[7][0])
    values = dict(tensor(one) for one in graph[5])
    declared = fields(graph[11][0])
    sizes = fields(fields(fields(fields(declared[2][0])[1][0])[2][0])[1][0])
    assert sizes[2] == [b"N"], "expected a batch of any size"
    dims = fields(fields(fields(declared[2][0])[1][0])[2][0])[1][1:]
    values[declared[1][0].decode()] = floats.reshape([-1] + [fields(dim)[1][0] for dim in dims]).astype(float)
    for node in map(fields, graph[1]):
        inputs = [values[name.decode()] for name in node[1]]
        settings = dict(map(attribute, node.get(5, [])))
        values[node[2][0].decode()] = operators[node[4][0].decode()](*inputs, **settings)
    return {name: values[name].tolist() for name in (fields(out)[1][0].decode() for out in graph[12])}


for model, floats in zip(sys.argv[1::2], sys.argv[2::2]):
    with open(model, "rb") as file:
        print(json.dumps(run(file.read(), np.fromfile(floats, "<f4"))))
