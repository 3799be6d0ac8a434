"""Importing torchvision and timm."""

import subprocess
import sys

IMPORT_BOTH = """
import sys
import torch
disable = torch.compiler.disable
from app.core.networks.libraries import imagenet_labels, timm_config
assert len(imagenet_labels()) == 1000
assert timm_config("resnet18") is not None
assert torch.compiler.disable is disable
print(*sorted({"sympy", "torch._dynamo", "torch._dynamo.utils"} & set(sys.modules)))
import torch._dynamo.utils
assert torch._dynamo.utils.is_compile_supported("cpu") in (True, False)
assert torch._dynamo.utils.counters is not None
"""

ASK_FOR_MORE = """
from app.core.networks import libraries
with libraries._without_compiler():
    from torch._dynamo.utils import is_compile_supported, counters
from torch._dynamo import utils
assert counters is utils.counters
"""


def _run(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=150)
    assert done.stderr == ""
    return done.stdout.strip()


def test_torchs_compiler_stays_out() -> None:
    """It is never used, and takes longer to import than both libraries; it is as it was for whoever wants it."""
    assert _run(IMPORT_BOTH) == ""


def test_what_another_version_may_want_of_the_compiler_is_there() -> None:
    """Only what is known to be asked in vain is answered without it."""
    assert _run(ASK_FOR_MORE) == ""
