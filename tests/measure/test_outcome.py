"""Messages of being out of memory, as reported by users of many simulators, and words that only look like them."""

from __future__ import annotations

import pytest

from stepscope.measure._outcome import find_out_of_memory


@pytest.mark.parametrize(
    "line",
    [
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 188.00 MiB",
        "RuntimeError: Array allocation failed on device: cuda:0 for 16777216 bytes",
        "[carb.cudainterop.plugin] CUDA error 2: cudaErrorMemoryAllocation",
        "PxgCudaDeviceMemoryAllocator fail to allocate memory 100663296 bytes!! Result = 2",
        "[carb.gym.plugin] Gym cuda error: out of memory: GymPhysX.cpp: 1721",
        "[carb.graphics-vulkan.plugin] VkResult: ERROR_OUT_OF_DEVICE_MEMORY",
        "Warp CUDA error 2: out of memory (in function wp_alloc_device_async, warp.cu:739)",
        "Warp error: Failed to allocate 4294967296 bytes on device 'cuda:0' (in function wp_alloc_device_default)",
        "CUDA_ERROR_OUT_OF_MEMORY: out of memory",
        "jaxlib.xla_extension.XlaRuntimeError: RESOURCE_EXHAUSTED: Out of memory while trying to allocate 1 bytes.",
        "RuntimeError: [enforce fail at alloc_cpu.cpp:127] . DefaultCPUAllocator: not enough memory: you tried to",
        "  what():  std::bad_alloc",
        "numpy._core._exceptions._ArrayMemoryError: Unable to allocate 7.45 GiB for an array",
        "MemoryError",
        "OSError: [Errno 12] Cannot allocate memory",
        "RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    ],
)
def test_words_are_known(line: str) -> None:
    """The line itself is returned, whatever stands around it."""
    assert line.strip() == find_out_of_memory(f"step 1\n{line}\nstep 2\n")


@pytest.mark.parametrize(
    "line",
    [
        "VkCreateFence failed with ERROR_OUT_OF_HOST_MEMORY",  # printed with most memory free
        "malloc(): invalid size (unsorted)",  # a broken heap
        "PhysX warning: Failed to allocate pinned memory",  # follows another error
        "memory: 3.1 GiB of 8 GiB in use",
        "the replay memory error is 0.2",
        "",
    ],
)
def test_other_words_are_left_alone(line: str) -> None:
    """What is printed with memory left is no sign of having none."""
    assert find_out_of_memory(line) is None
