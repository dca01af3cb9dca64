//! Quantisers of weights, activations and key-value caches.
