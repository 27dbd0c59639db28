"""PyTorch on the models of the engine benchmark, one thread.

Reads commands from standard input, one a line: MODEL train|infer BATCH LAYOUT CALLS; answers each with the seconds of processor
time and of the clock that every call took, as JSON. So the benchmark can take turns with it.
"""

import json
import sys
import time

import torch
from torch import nn

torch.set_num_threads(1)
torch.set_num_interop_threads(1)
torch.manual_seed(0)


def lenet(channels):
    return nn.Sequential(
        nn.Conv2d(channels, 6, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )


def vgg_small():
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.Conv2d(64, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(4096, 256), nn.ReLU(), nn.Dropout(0.5), nn.Linear(256, 10),
    )


MODELS = {"lenet": (lambda: lenet(3), 3), "lenet-grey": (lambda: lenet(1), 1), "vgg-small": (vgg_small, 1)}
loss_of = nn.CrossEntropyLoss(reduction="sum")
cases = {}


def prepare(name, mode, batch, layout):
    build, channels = MODELS[name]
    memory_format = torch.channels_last if layout == "channels_last" else torch.contiguous_format
    model = build().to(memory_format=memory_format)
    images = torch.rand(batch, channels, 32, 32).to(memory_format=memory_format)
    labels = torch.randint(0, 10, (batch,))

    def train():
        model.zero_grad(set_to_none=True)
        loss_of(model(images), labels).backward()

    def infer():
        with torch.inference_mode():
            torch.softmax(model(images), 1)

    call = train if mode == "train" else infer
    model.train(mode == "train")
    for _ in range(3):
        call()
    return call


print(json.dumps({"version": torch.__version__}), flush=True)
for line in sys.stdin:
    name, mode, batch, layout, calls = line.split()
    key = (name, mode, int(batch), layout)
    if key not in cases:
        cases[key] = prepare(*key)
    processor, clock = [], []
    for _ in range(int(calls)):
        at, now = time.process_time(), time.perf_counter()
        cases[key]()
        processor.append(time.process_time() - at)
        clock.append(time.perf_counter() - now)
    print(json.dumps({"processor": processor, "clock": clock}), flush=True)
