"""SpikingJelly: integrate-and-fire neurons in multi-step mode, arctangent surrogate, images as constant currents."""
import importlib.metadata

from spikingjelly.activation_based import functional, layer, neuron, surrogate
from torch import nn

from training import Training

training = Training(__doc__, steps_default=4)
model = nn.Sequential(*training.modules(lambda: neuron.IFNode(surrogate_function=surrogate.ATan()), layer))
functional.set_step_mode(model, "m")


def logits(called, images):
    functional.reset_net(model)
    return called(images.unsqueeze(0).repeat(training.options.time_steps, 1, 1, 1, 1)).mean(0)


training.run("spikingjelly", importlib.metadata.version("spikingjelly"), model, logits)
