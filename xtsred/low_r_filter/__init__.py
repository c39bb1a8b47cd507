"""Low-r Fourier filters: S(Q) made to obey G(r) = -4 pi rho0 r by force. Beside the result, labelled, never in its place."""
