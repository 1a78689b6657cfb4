"""The demo model's latent space, and the small decoder and encoder of it that the host loads as "taesd3".

The latent is a fixed linear map, so that diffusion training data cost next to nothing to encode: each 8 x 8 pixel
square is turned into luma and chroma, a discrete cosine transform is taken, and 16 of its 192 numbers are kept (8 of
luma, 4 of each chroma), each times a gain. The decoder learns to paint the pixels back, edges included. The host only
knows encoders made of convolutions and ReLUs, and the linear map can be written into one exactly.
"""

import math
import time

import numpy as np
import torch
import torch.nn.functional as F

LATENT_CHANNELS = 16
# ITU-R BT.601 luma and chroma of RGB in 0..1
YCC = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))
# (band, vertical frequency, horizontal frequency, gain). The gains were chosen on 150 rendered scenes so that flat
# colours have a spread of about 1 and edges mostly stay within +-2.5: the decoder's first layer squashes what is
# beyond 3.
COEFFICIENTS = (
    (0, 0, 0, 0.62),
    (0, 0, 1, 2.0),
    (0, 1, 0, 2.0),
    (0, 1, 1, 3.5),
    (0, 0, 2, 3.0),
    (0, 2, 0, 3.0),
    (0, 1, 2, 5.0),
    (0, 2, 1, 5.0),
    (1, 0, 0, 1.25),
    (1, 0, 1, 4.5),
    (1, 1, 0, 4.5),
    (1, 1, 1, 8.0),
    (2, 0, 0, 1.4),
    (2, 0, 1, 4.5),
    (2, 1, 0, 4.5),
    (2, 1, 1, 8.0),
)
LUMA_CENTRE = 3.9  # luma's constant coefficient of a mean scene, taken off before the gain


def latent_map() -> tuple[torch.Tensor, torch.Tensor]:
    """Weight ``(16, 3, 8, 8)`` and bias ``(16,)`` of the convolution of stride 8 that makes latents of RGB in 0..1."""
    cosine = np.array(
        [
            [math.sqrt((1 if k == 0 else 2) / 8) * math.cos(math.pi * (2 * i + 1) * k / 16) for i in range(8)]
            for k in range(8)
        ]
    )
    weight = np.stack(
        [gain * np.einsum("c,i,j->cij", YCC[band], cosine[v], cosine[h]) for band, v, h, gain in COEFFICIENTS]
    )
    bias = torch.zeros(LATENT_CHANNELS)
    bias[0] = -LUMA_CENTRE * COEFFICIENTS[0][3]
    return torch.from_numpy(weight).float(), bias


def encode_linear(pixels: torch.Tensor) -> torch.Tensor:
    """Latents ``(B, 16, H/8, W/8)`` of RGB pixels ``(B, 3, H, W)`` in 0..1."""
    weight, bias = latent_map()
    return F.conv2d(pixels, weight, bias, stride=8)


def initialise(net: torch.nn.Module) -> None:
    """Fill a convolution network of the host's, whose layers come without values."""
    for module in net.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                torch.nn.init.zeros_(module.bias)
    for name, module in net.named_modules():
        if name.endswith("conv.4"):  # a residual block's last convolution: start near the identity
            with torch.no_grad():
                module.weight.mul_(0.2)


def pixel_crops(pictures: np.ndarray, count: int, side: int, rng: np.random.Generator) -> torch.Tensor:
    """The busiest of three random crops, ``count`` times: ``(count, 3, side, side)`` in 0..1 of uint8 pictures."""
    crops = []
    for _ in range(count):
        best, most = None, -1.0
        for _ in range(3):
            n = rng.integers(len(pictures))
            y, x = (rng.integers(pictures.shape[1] - side + 1) for _ in range(2))
            crop = pictures[n, y : y + side, x : x + side]
            busy = np.abs(np.diff(crop[::4, ::4].astype(np.int16), axis=0)).mean() + rng.random()
            if busy > most:
                best, most = crop, busy
        crops.append(best)
    return torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2).float() / 255


def picture_loss(got: torch.Tensor, want: torch.Tensor) -> torch.Tensor:
    """Mean absolute error of pixels and of their differences to the right and below, so that edges stay sharp."""
    loss = (got - want).abs().mean()
    for axis in (-1, -2):
        loss = loss + 0.5 * (got.diff(dim=axis) - want.diff(dim=axis)).abs().mean()
    return loss


def train_part(net, step_loss, seconds: float, rate: float, report) -> torch.nn.Module:
    """Train for some seconds with a rate that falls to zero; keeps an average of the last weights."""
    net.to(memory_format=torch.channels_last).train()
    fast = torch.compile(net)
    optimiser = torch.optim.AdamW(net.parameters(), lr=rate, betas=(0.9, 0.99), weight_decay=0.0)
    mean = {name: value.detach().clone() for name, value in net.state_dict().items()}
    start, step = None, 0
    while True:
        share = 0.0 if start is None else (time.monotonic() - start) / seconds
        if share >= 1:
            break
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1, (step + 1) / 50) * 0.5 * (1 + math.cos(math.pi * share))
        loss = step_loss(fast)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        if start is None:
            start = time.monotonic()  # the first step compiles, which is not training time
        with torch.no_grad():
            for name, value in net.state_dict().items():
                mean[name].lerp_(value, 1 - min(0.99, step / (step + 20)))
        step += 1
        if step % 25 == 0:
            report(step, time.monotonic() - start, loss.item())
    net.load_state_dict(mean)
    return net.eval()


def train_decoder(net, pictures, seconds, report, seed=0, side=96, batch=12, rate=1.5e-3):
    """Train the host's TAESD3 decoder, with values in it, to invert :func:`encode_linear`."""
    rng = np.random.default_rng([seed, 10])

    def step_loss(fast):
        pixels = pixel_crops(pictures, batch, side, rng)
        latents = encode_linear(pixels)
        # Sampled latents are not exact; a decoder that has only seen exact ones turns small errors into speckles.
        latents = latents + 0.12 * torch.rand(batch, 1, 1, 1) ** 2 * torch.randn(latents.shape)
        with torch.autocast("cpu", torch.bfloat16):
            got = fast(latents.to(memory_format=torch.channels_last))
        return picture_loss(got.float(), pixels)

    return train_part(net, step_loss, seconds, rate, report)


@torch.no_grad()
def build_encoder(net: torch.nn.Module) -> torch.nn.Module:
    """Write :func:`encode_linear` into the host's TAESD3 encoder exactly; nothing has to be learned.

    Pixels are not negative, so they pass every ReLU. The first two convolutions of stride 2 only move each 2 x 2
    square of pixels into channels (3, 12, 48); the third computes the 16 latents and their negatives, of which the
    ReLU keeps the positive parts; the last convolution takes the difference. Residual branches are zero.
    """
    for value in net.parameters():
        value.zero_()
    strided = [m for m in net if isinstance(m, torch.nn.Conv2d) and m.stride == (2, 2)]
    first, last = net[0], net[-1]
    for channel in range(3):
        first.weight[channel, channel, 1, 1] = 1
    # A 3 x 3 window of stride 2 is centred on the upper left pixel of its square: rows and columns 1
    # and 2 are the square.
    for conv, channels in zip(strided, (3, 12)):
        for dy in range(2):
            for dx in range(2):
                for channel in range(channels):
                    conv.weight[(2 * dy + dx) * channels + channel, channel, 1 + dy, 1 + dx] = 1
    weight, bias = latent_map()
    n = LATENT_CHANNELS
    for y in range(8):
        for x in range(8):
            # Pixel (y, x) of an 8 x 8 square, as the two moves above have placed it.
            outer, middle, inner = ((y >> bit & 1, x >> bit & 1) for bit in (2, 1, 0))
            square = (2 * middle[0] + middle[1]) * 12 + (2 * inner[0] + inner[1]) * 3
            for channel in range(3):
                part = weight[:, channel, y, x]
                strided[2].weight[:n, square + channel, 1 + outer[0], 1 + outer[1]] = part
                strided[2].weight[n : 2 * n, square + channel, 1 + outer[0], 1 + outer[1]] = -part
    for channel in range(n):
        last.weight[channel, channel, 1, 1] = 1
        last.weight[channel, n + channel, 1, 1] = -1
    last.bias.copy_(bias)
    return net.eval()
