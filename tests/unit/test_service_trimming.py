import ctypes
import platform
from pathlib import Path

import pytest

from agentwatch.service.trimming import give_back


async def test_a_small_state_is_not_worth_it():
    assert not await give_back(10)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc gives back on demand")
async def test_what_was_freed_between_what_is_kept_is_no_longer_resident():
    def resident():
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    libc = ctypes.CDLL(None)
    libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, (ctypes.c_void_p,)
    size = 100_000  # below the size from which glibc maps a block of its own
    blocks = [libc.malloc(size) for _ in range(600)]
    for block in blocks:
        ctypes.memset(block, 1, size)
    for block in blocks[:-1]:
        libc.free(block)
    full = resident()
    assert await give_back(1_000_000)
    assert full - resident() > 40_000_000
    libc.free(blocks[-1])
