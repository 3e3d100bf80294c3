"""The linear block: modes, inputs, exact steps."""
