"""A kernel written by hand for workload W: the bound that the compiled engine is compared with."""
