"""Where an imported encoder comes from and what its SDs refer to, as a frozen record."""

from __future__ import annotations

from dataclasses import dataclass

UNKNOWN_REFERENCE = "unknown: no reference image was shown to it yet"


@dataclass(frozen=True, slots=True)
class Provenance:
    """How an encoder that was not fitted here came to be.

    Parameters
    ----------
    kind : str
        Importer: arrays, sklearn, himalaya, berg or img2fmri.
    source, licence : str
        Whose work it is and under which terms; "" where neither the file nor the user says.
    files : tuple of (name, sha256)
        The files it was read from.
    reference : str
        The images `EncoderCard.reference_sd` is over.
    n_reference : int
        How many these are; 0 while the SDs are unknown (NaN).
    note : str
        What a reader must know, such as how voxels were placed.
    """

    kind: str
    source: str
    licence: str
    files: tuple[tuple[str, str], ...]
    reference: str = UNKNOWN_REFERENCE
    n_reference: int = 0
    note: str = ""

    def describe(self) -> str:
        """One line for captions."""
        names = ", ".join(f"{name} (SHA-256 {digest[:12]})" for name, digest in self.files)
        return f"Imported from {self.source or 'a source that is not named'} ({self.kind}): {names}"
