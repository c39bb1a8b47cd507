"""The bridge: S(Q) from molecular dynamics and the Wright goodness of fit."""
