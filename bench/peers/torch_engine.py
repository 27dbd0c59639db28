"""PyTorch on the models of the engine benchmark, one thread.

Reads commands from standard input, one a line: MODEL train|infer IMAGES VARIANT CALLS; answers each with the seconds of processor
time that every call took, as JSON. So the benchmark can take turns with it. Variants:

contiguous     eager, images [N][C][H][W]
channels_last  eager, images [N][H][W][C] in memory
traced         inference alone: traced, frozen, and rewritten by torch.jit.optimize_for_inference
compiled       torch.compile, channels last; PyTorch 2 and newer
"""

import json
import sys
import time

import torch
from torch import nn

from torch_models import MODELS

torch.set_num_threads(1)
torch.set_num_interop_threads(1)
torch.manual_seed(0)

loss_of = nn.CrossEntropyLoss(reduction="sum")
cases = {}


def prepare(name, mode, count, variant):
    build, channels = MODELS[name]
    memory_format = torch.contiguous_format if variant in ("contiguous", "traced") else torch.channels_last
    model = build().to(memory_format=memory_format)
    model.train(mode == "train")
    images = torch.rand(count, channels, 32, 32).contiguous(memory_format=memory_format)
    labels = torch.randint(0, 10, (count,))
    if variant == "traced":
        with torch.no_grad():
            whole = nn.Sequential(model, nn.Softmax(1)).eval()
            run = torch.jit.optimize_for_inference(torch.jit.trace(whole, images))
    elif variant == "compiled":
        run = torch.compile(model)
    else:
        run = model

    def train():
        model.zero_grad(set_to_none=True)
        loss_of(run(images), labels).backward()

    def infer():
        with torch.inference_mode():
            answers = run(images)
            return answers if variant == "traced" else torch.softmax(answers, 1)

    call = train if mode == "train" else infer
    for _ in range(3):
        call()
    return call


def blas():
    """File name of the library that does its matrix products, if it is one of its own."""
    with open("/proc/self/maps", encoding="utf8") as maps:
        found = {line.split()[-1].rsplit("/", 1)[-1] for line in maps if "blas" in line}
    return " ".join(sorted(found))


variants = ["contiguous", "channels_last", "traced"] + (["compiled"] if hasattr(torch, "compile") else [])
try:
    products = blas()
except OSError:
    products = ""
print(json.dumps({"version": torch.__version__, "variants": variants, "blas": products}), flush=True)
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
