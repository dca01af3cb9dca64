"""Norse: leaky integrate-and-fire cells in a SequentialState, one forward call a time step, the state carried along."""
import importlib.metadata

import norse.torch

from training import Training

training = Training(__doc__, steps_default=10)
model = norse.torch.SequentialState(*training.modules(norse.torch.LIFCell))


def logits(called, images):
    total, state = 0, None
    for _ in range(training.options.time_steps):
        output, state = called(images, state)
        total = total + output
    return total / training.options.time_steps


training.run("norse", importlib.metadata.version("norse"), model, logits)
