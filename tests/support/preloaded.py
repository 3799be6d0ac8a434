"""Imported by the process that others are forked from: what services and commands import, and what a network needs."""

import openvino  # type: ignore[import-untyped]  # noqa: F401

from app.core.networks.libraries import timm_package, torchvision_models
from tests.support import forked_commands  # noqa: F401

timm_package()
torchvision_models()
