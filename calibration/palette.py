"""The colours of every picture, on paper and on the screen."""

__all__ = ["COLOURS"]

# Okabe-Ito: told apart by colour-blind readers and in grey print
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999")
