"""What the benchmark of `stepscope fit` measures, and the other way to find a size."""
