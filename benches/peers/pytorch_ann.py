"""PyTorch: the network with ReLU in place of neurons, no spikes and no time."""
import torch
from torch import nn

from training import Training

training = Training(__doc__)
training.run("pytorch", torch.__version__, nn.Sequential(*training.modules(nn.ReLU)),
             lambda model, images: model(images))
