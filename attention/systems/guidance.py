"""Guidance on the first three channels of a latent, as DiT and Open-Sora were published with."""

from __future__ import annotations

GUIDED = 3  # channels


def three_channels(args: dict):
    """The host's function for a guided prediction: of what is not guided, the conditional prediction is taken.

    args: as the host hands them over; predictions are (B, C, [T,] H, W).
    """
    conditional, unconditional = args["cond"], args["uncond"]
    guided = conditional.clone()
    difference = conditional[:, :GUIDED] - unconditional[:, :GUIDED]
    guided[:, :GUIDED] = unconditional[:, :GUIDED] + difference * args["cond_scale"]
    return guided


# As in the host's own guidance, one scale says how much of each branch there is.
three_channels.one_scale = True
