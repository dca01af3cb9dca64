"""snnTorch: leaky neurons with hidden state, fast-sigmoid surrogate, one forward call a time step."""
import importlib.metadata

import snntorch
from snntorch import surrogate, utils
from torch import nn

from training import Training

training = Training(__doc__, steps_default=10)


def leaky():
    return snntorch.Leaky(beta=0.9, spike_grad=surrogate.fast_sigmoid(), init_hidden=True)


model = nn.Sequential(*training.modules(leaky))


def logits(called, images):
    utils.reset(model)
    time_steps = training.options.time_steps
    return sum(called(images) for _ in range(time_steps)) / time_steps


training.run("snntorch", importlib.metadata.version("snntorch"), model, logits)
