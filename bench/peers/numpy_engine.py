"""The engine benchmark's models in numpy, one thread, singles: the way a student's project computes them, and the fast way.

Reads commands from standard input, one a line: MODEL train|infer IMAGES VARIANT CALLS; answers each with the seconds of processor
time that every call took, as JSON. Variants:

loops   convolution and pooling as loops in Python over images, filters, rows and columns; numpy sums up one window at a time
im2col  every window a row of one large matrix: a convolution is one product of matrices; images [N][H][W][C]
"""

import json
import sys
import time

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

LENET = [
    ("conv", 6, 5, 0), ("relu",), ("pool",), ("conv", 16, 5, 0), ("relu",), ("pool",),
    ("flatten",), ("linear", 120), ("relu",), ("linear", 84), ("relu",), ("linear", 10),
]
VGG_SMALL = [
    ("conv", 32, 3, 1), ("relu",), ("conv", 32, 3, 1), ("relu",), ("pool",),
    ("conv", 64, 3, 1), ("relu",), ("conv", 64, 3, 1), ("relu",), ("pool",),
    ("flatten",), ("linear", 256), ("relu",), ("dropout", 0.5), ("linear", 10),
]
MODELS = {"lenet": (3, LENET), "lenet-grey": (1, LENET), "vgg-small": (1, VGG_SMALL)}
random = np.random.default_rng(0)


def normal(shape, fan_in):
    return (random.standard_normal(shape) * np.sqrt(2 / fan_in)).astype(np.float32)


class Relu:
    def forward(self, x, training):
        self.y = np.maximum(x, np.float32(0))
        return self.y

    def backward(self, dy, wanted):
        return dy * (self.y > 0)


class Dropout:
    def __init__(self, rate):
        self.rate = rate

    def forward(self, x, training):
        if not training:
            return x
        self.mask = (random.random(x.shape, dtype=np.float32) >= self.rate).astype(np.float32) / np.float32(1 - self.rate)
        return x * self.mask

    def backward(self, dy, wanted):
        return dy * self.mask


class Flatten:
    def forward(self, x, training):
        self.shape = x.shape
        return x.reshape(len(x), -1)

    def backward(self, dy, wanted):
        return dy.reshape(self.shape)


class Linear:
    def __init__(self, inputs, units):
        self.w = normal((inputs, units), inputs)
        self.b = np.zeros(units, np.float32)

    def forward(self, x, training):
        self.x = x
        return x @ self.w + self.b

    def backward(self, dy, wanted):
        self.dw = self.x.T @ dy
        self.db = dy.sum(0)
        return dy @ self.w.T


class ConvLoops:
    """x[N,C,H,W], w[F,C,K,K] -> y[N,F,OH,OW]"""

    def __init__(self, channels, filters, kernel, padding):
        self.w = normal((filters, channels, kernel, kernel), channels * kernel * kernel)
        self.b = np.zeros(filters, np.float32)
        self.padding = padding

    def forward(self, x, training):
        p = self.padding
        self.x = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
        count, _, height, width = self.x.shape
        filters, _, k, _ = self.w.shape
        y = np.zeros((count, filters, height - k + 1, width - k + 1), np.float32)
        for n in range(count):
            for f in range(filters):
                for i in range(height - k + 1):
                    for j in range(width - k + 1):
                        y[n, f, i, j] = np.sum(self.x[n, :, i:i + k, j:j + k] * self.w[f]) + self.b[f]
        return y

    def backward(self, dy, wanted):
        k, p = self.w.shape[2], self.padding
        dx, self.dw = np.zeros_like(self.x), np.zeros_like(self.w)
        self.db = dy.sum((0, 2, 3))
        count, filters, height, width = dy.shape
        for n in range(count):
            for f in range(filters):
                for i in range(height):
                    for j in range(width):
                        self.dw[f] += dy[n, f, i, j] * self.x[n, :, i:i + k, j:j + k]
                        if wanted:
                            dx[n, :, i:i + k, j:j + k] += dy[n, f, i, j] * self.w[f]
        return dx[:, :, p:dx.shape[2] - p, p:dx.shape[3] - p]


class PoolLoops:
    """Windows of 2x2; x[N,C,H,W] -> y[N,C,H/2,W/2]"""

    def forward(self, x, training):
        self.x = x
        count, channels, height, width = x.shape
        y = np.zeros((count, channels, height // 2, width // 2), np.float32)
        for n in range(count):
            for c in range(channels):
                for i in range(height // 2):
                    for j in range(width // 2):
                        y[n, c, i, j] = np.max(x[n, c, 2 * i:2 * i + 2, 2 * j:2 * j + 2])
        return y

    def backward(self, dy, wanted):
        dx = np.zeros_like(self.x)
        count, channels, height, width = dy.shape
        for n in range(count):
            for c in range(channels):
                for i in range(height):
                    for j in range(width):
                        window = self.x[n, c, 2 * i:2 * i + 2, 2 * j:2 * j + 2]
                        row, column = divmod(int(np.argmax(window)), 2)
                        dx[n, c, 2 * i + row, 2 * j + column] = dy[n, c, i, j]
        return dx


class ConvIm2col:
    """x[N,H,W,C], w[K*K*C,F] -> y[N,OH,OW,F]; a row of the matrix is a window [K][K][C]"""

    def __init__(self, channels, filters, kernel, padding):
        self.w = normal((kernel * kernel * channels, filters), channels * kernel * kernel)
        self.b = np.zeros(filters, np.float32)
        self.kernel, self.padding = kernel, padding

    def forward(self, x, training):
        k, p = self.kernel, self.padding
        if p > 0:
            x = np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)))
        self.shape = x.shape
        # A row of a window lies in one piece in memory: K*C numbers.
        count, height, width, channels = x.shape
        rows = x.reshape(count, height, width * channels)
        windows = sliding_window_view(rows, (k, k * channels), axis=(1, 2))[:, :, ::channels]
        self.out = (count, height - k + 1, width - k + 1)
        self.columns = windows.reshape(-1, k * k * channels)
        y = self.columns @ self.w
        y += self.b
        return y.reshape(*self.out, -1)

    def backward(self, dy, wanted):
        k, p = self.kernel, self.padding
        dy = dy.reshape(-1, dy.shape[-1])
        self.dw = self.columns.T @ dy
        self.db = dy.sum(0)
        if not wanted:
            return None
        count, height, width, channels = self.shape
        _, out_height, out_width = self.out
        columns = (dy @ self.w.T).reshape(*self.out, k, k, channels)
        dx = np.zeros(self.shape, np.float32)
        for i in range(k):
            for j in range(k):
                dx[:, i:i + out_height, j:j + out_width] += columns[:, :, :, i, j]
        return dx[:, p:height - p, p:width - p]


class PoolWhole:
    """Windows of 2x2; x[N,H,W,C] -> y[N,H/2,W/2,C]"""

    def forward(self, x, training):
        self.corners = [x[:, i::2, j::2] for i in range(2) for j in range(2)]
        a, b, c, d = self.corners
        self.y = np.maximum(np.maximum(a, b), np.maximum(c, d))
        return self.y

    def backward(self, dy, wanted):
        count, height, width, channels = dy.shape
        dx = np.zeros((count, 2 * height, 2 * width, channels), np.float32)
        free = np.ones(dy.shape, bool)
        for corner, values in enumerate(self.corners):
            first = free & (values == self.y)
            free &= ~first
            dx[:, corner // 2::2, corner % 2::2] = dy * first
        return dx


def build(name, variant):
    channels, spec = MODELS[name]
    conv, pool = (ConvLoops, PoolLoops) if variant == "loops" else (ConvIm2col, PoolWhole)
    size, layers = 32, []
    for kind, *numbers in spec:
        if kind == "conv":
            filters, kernel, padding = numbers
            layers.append(conv(channels, filters, kernel, padding))
            channels, size = filters, size + 2 * padding - kernel + 1
        elif kind == "pool":
            layers.append(pool())
            size //= 2
        elif kind == "flatten":
            layers.append(Flatten())
            channels = channels * size * size
        elif kind == "linear":
            layers.append(Linear(channels, numbers[0]))
            channels = numbers[0]
        else:
            layers.append(Relu() if kind == "relu" else Dropout(*numbers))
    return layers


def softmax(x):
    e = np.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def prepare(name, mode, count, variant):
    layers = build(name, variant)
    channels = MODELS[name][0]
    shape = (count, channels, 32, 32) if variant == "loops" else (count, 32, 32, channels)
    images = random.random(shape, dtype=np.float32)
    labels = random.integers(0, 10, count)

    def call():
        x = images
        for layer in layers:
            x = layer.forward(x, mode == "train")
        probabilities = softmax(x)
        if mode == "infer":
            return probabilities
        dy = probabilities
        dy[np.arange(count), labels] -= 1
        for layer in reversed(layers):
            dy = layer.backward(dy, layer is not layers[0])
        return layers[0].dw

    if variant != "loops":
        for _ in range(2):
            call()
    return call


def check():
    """Both variants compute the same, on lenet with the same parameters."""
    loops, whole = build("lenet", "loops"), build("lenet", "im2col")
    size = 5
    for a, b in zip(loops, whole):
        if isinstance(a, ConvLoops):
            b.w[:] = a.w.transpose(2, 3, 1, 0).reshape(b.w.shape)
        elif isinstance(a, Linear) and len(a.w) == 16 * size * size:
            b.w[:] = a.w.reshape(16, size, size, -1).transpose(1, 2, 0, 3).reshape(b.w.shape)
        elif isinstance(a, Linear):
            b.w[:] = a.w
    x = random.random((2, 3, 32, 32), dtype=np.float32)
    y, z = x, np.ascontiguousarray(x.transpose(0, 2, 3, 1))
    for a, b in zip(loops, whole):
        y, z = a.forward(y, True), b.forward(z, True)
    assert np.allclose(y, z, atol=1e-4), "loops and im2col give other logits"
    dy = dz = softmax(y)
    for a, b in zip(reversed(loops), reversed(whole)):
        dy, dz = a.backward(dy, True), b.backward(dz, True)
    assert np.allclose(dy, dz.transpose(0, 3, 1, 2), atol=1e-4), "loops and im2col give other gradients"
    found = whole[0].dw.reshape(5, 5, 3, 6).transpose(3, 2, 0, 1)
    assert np.allclose(loops[0].dw, found, atol=1e-3), "loops and im2col give other parameter gradients"


if sys.argv[1:] == ["--check"]:
    check()
    print("loops and im2col compute the same")
    sys.exit()
print(json.dumps({"version": np.__version__, "variants": ["loops", "im2col"]}), flush=True)
cases = {}
for line in sys.stdin:
    name, mode, count, variant, calls = line.split()
    key = (name, mode, int(count), variant)
    if key not in cases:
        cases[key] = prepare(*key)
    processor = []
    for _ in range(int(calls)):
        at = time.process_time()
        cases[key]()
        processor.append(time.process_time() - at)
    print(json.dumps({"processor": processor}), flush=True)
