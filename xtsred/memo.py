"""The memory of a reduction's stages; see `calibration.memo`."""

from calibration.memo import Memo, fingerprint

__all__ = ["Memo", "fingerprint"]
