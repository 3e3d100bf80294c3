"""The back end in JAX: an accelerator, automatic gradients."""
