"""The words in which libraries say that there is no memory left."""

from __future__ import annotations

import re

__all__ = ["find_out_of_memory"]

# Each is what a library prints; words that only look like it are left out: "VkCreateFence failed with
# ERROR_OUT_OF_HOST_MEMORY" is printed with plenty of memory free, and "malloc(): invalid size" is a broken heap.
_WORDS = (
    r"\b[Oo]ut of memory\b",  # PyTorch, CUDA, Warp, JAX, Isaac Gym, LLVM
    r"OutOfMemoryError",
    r"\b_?(?:Array)?MemoryError\b",  # Python and NumPy
    r"DefaultCPUAllocator: (?:can't allocate memory|not enough memory)",  # PyTorch on Linux, on Windows
    r"\[Errno 12\]|[Cc]annot allocate memory",  # the system's ENOMEM
    r"std::bad_alloc",  # C++
    r"Array allocation failed on device: \S+ for \d+ bytes",  # Warp, before 1.0
    r"Failed to allocate \d+ bytes",  # Warp
    r"Pxg\w*Allocator fail to allocate memory \d+ bytes",  # PhysX
    r"cudaErrorMemoryAllocation|CUDA_ERROR_OUT_OF_MEMORY",
    r"CUBLAS_STATUS_ALLOC_FAILED|CUDNN_STATUS_ALLOC_FAILED",
    r"ERROR_OUT_OF_DEVICE_MEMORY",  # Vulkan
    r"RESOURCE_EXHAUSTED",  # JAX
    r"\b[Cc]ould not allocate (?:memory|mj(?:Data|Model))",  # MuJoCo
)
_ANY = re.compile("|".join(f"(?:{word})" for word in _WORDS), re.MULTILINE)


def find_out_of_memory(text: str) -> str | None:
    r"""Return the first line that says that there is no memory left; None if none does.

    Examples
    --------
    >>> find_out_of_memory("step 3\nRuntimeError: Array allocation failed on device: cpu for 4096 bytes")
    'RuntimeError: Array allocation failed on device: cpu for 4096 bytes'
    >>> find_out_of_memory("malloc(): invalid size (unsorted)") is None
    True
    """
    found = _ANY.search(text)
    if found is None:
        return None
    start = text.rfind("\n", 0, found.start()) + 1
    end = text.find("\n", found.end())
    return text[start : end if end >= 0 else len(text)].strip()
