"""One epoch of MNIST-sized training steps of a plain ReLU network in PyTorch; prints one JSON line.

Same topology as Sterna's MNIST recipe (28x28-15C5-P2-40C5-P2-300-10, no padding), batch 128,
stochastic gradient descent with momentum, dropout 0.5 before the readout. Data are random numbers that
are already in memory, so that only the steps are timed.
"""
import argparse
import json
import time

import torch
from torch import nn

options = argparse.ArgumentParser(description=__doc__)
options.add_argument("--threads", type=int, default=2)
options.add_argument("--batch", type=int, default=128)
options.add_argument("--samples", type=int, default=50_000)
options.add_argument("--dtype", choices=["f32", "bf16"], default="f32")
options = options.parse_args()
torch.set_num_threads(options.threads)
torch.manual_seed(1)

model = nn.Sequential(
    nn.Conv2d(1, 15, 5), nn.ReLU(), nn.AvgPool2d(2),
    nn.Conv2d(15, 40, 5), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(),
    nn.Linear(640, 300), nn.ReLU(), nn.Dropout(0.5), nn.Linear(300, 10))
optimiser = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
loss_of = nn.CrossEntropyLoss()
images = torch.rand(options.samples, 1, 28, 28)
labels = torch.randint(0, 10, (options.samples,))


def step(start):
    optimiser.zero_grad(set_to_none=True)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=options.dtype == "bf16"):
        loss = loss_of(model(images[start:start + options.batch]), labels[start:start + options.batch])
    loss.backward()
    optimiser.step()


for warm_up in range(5):
    step(warm_up * options.batch)
begin = time.perf_counter()
for start in range(0, options.samples, options.batch):
    step(start)
seconds = time.perf_counter() - begin
print(json.dumps({"peer": "pytorch-ann", "version": torch.__version__, "dtype": options.dtype,
                  "threads": options.threads, "batch": options.batch,
                  "samples_per_second": round(options.samples / seconds, 1)}))
