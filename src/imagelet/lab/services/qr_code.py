"""An address as a QR code."""

BORDER = 2  # modules of light around it


def qr_rows(address: str) -> list[str]:
    """Return an address as a QR code (ISO/IEC 18004): a text a row, 1 is dark, with a light border."""
    import segno

    code = segno.make(address, error="m", micro=False)
    return ["".join(str(int(module)) for module in row) for row in code.matrix_iter(border=BORDER)]
