"""One process of PyTorch's DistributedDataParallel over gloo, one thread: the models of the cluster benchmark on the same images.

Arguments, as JSON: rank, processes, port, model, batch (of all processes together), seconds, and images: a file of
labels[count] u8, then pixels[count][32][32] u8, with count, mean and std. Draws its share of each batch, makes floats of the bytes, and takes an
AdamW step. Prints one line of JSON: images per second of all processes together, and this one's seconds of processor time per image.
"""

import json
import sys
import time

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from torch_models import MODELS

given = json.loads(sys.argv[1])
torch.set_num_threads(1)
torch.set_num_interop_threads(1)
torch.manual_seed(given["rank"])

with open(given["images"], "rb") as file:
    labels = torch.frombuffer(bytearray(file.read(given["count"])), dtype=torch.uint8).long()
    pixels = torch.frombuffer(bytearray(file.read()), dtype=torch.uint8).view(given["count"], 1, 32, 32)

dist.init_process_group(
    "gloo", init_method=f"tcp://127.0.0.1:{given['port']}", rank=given["rank"], world_size=given["processes"]
)
build, channels = MODELS[given["model"]]
# The faster of the two memory formats, as `npm run bench:engine` shows.
model = DistributedDataParallel(build().to(memory_format=torch.channels_last))
optimizer = torch.optim.AdamW(model.parameters(), lr=0.001)
loss_of = nn.CrossEntropyLoss()
share = given["batch"] // given["processes"]


def step():
    chosen = torch.randint(0, given["count"], (share,))
    images = pixels[chosen].float().div_(255).sub_(given["mean"]).div_(given["std"])
    images = images.expand(share, channels, 32, 32).contiguous(memory_format=torch.channels_last)
    optimizer.zero_grad(set_to_none=True)
    loss_of(model(images), labels[chosen]).backward()
    optimizer.step()


def run(steps):
    """Seconds of the clock that `steps` steps took."""
    dist.barrier()
    at = time.perf_counter()
    for _ in range(steps):
        step()
    return time.perf_counter() - at


# All processes must take as many steps: the first one says how many fit into the time.
run(5)
pace = torch.tensor([run(10) / 10])
dist.broadcast(pace, 0)
run(max(1, int(1.0 / pace.item())))
pace = torch.tensor([run(10) / 10])
dist.broadcast(pace, 0)
steps = max(5, int(given["seconds"] / pace.item()))
before = time.process_time()
seconds = run(steps)
processor = time.process_time() - before
images = steps * given["batch"]
print(json.dumps({"imagesPerSecond": images / seconds, "processorSecondsPerImage": processor / images}), flush=True)
