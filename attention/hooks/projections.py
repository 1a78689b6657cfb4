"""The linear layers around a site's attention: what its output projection does to an error, and what they cost."""

from __future__ import annotations

import torch

from ..families import Site


def output_metric(diffusion_model, site: Site, like: torch.Tensor) -> torch.Tensor:
    """Gram matrices (H, D, D) of the output projection's slice of each head, float32; ones on their diagonal where it
    is not known which layer that is.

    The layer is asked rather than its weight read, so that quantised and off-loaded layers answer too.
    """
    if site.output_linear is None:
        return torch.eye(site.head_dim, device=like.device).expand(site.heads, -1, -1)
    layer = diffusion_model.get_submodule(site.output_linear)
    width = site.heads * site.head_dim
    inputs = like.new_zeros(width + 1, layer.in_features)
    inputs[:width, :width].fill_diagonal_(1.0)
    outputs = layer(inputs).float()
    weight = (outputs[:-1] - outputs[-1]).view(site.heads, site.head_dim, -1)
    return weight @ weight.transpose(1, 2)


def output_root(diffusion_model, site: Site, like: torch.Tensor) -> torch.Tensor:
    """(H, D, D) float32 C with C C^T = M of `output_metric`: a head's error e counts |e^T C|²."""
    metric = output_metric(diffusion_model, site, like).cpu()  # not every device decomposes matrices
    # Float32 leaves M short of positive by 1e-7 of its largest eigenvalue, which is at most D times their mean.
    least = 1e-4 * metric.diagonal(dim1=1, dim2=2).mean(1)[:, None, None]
    return torch.linalg.cholesky_ex(metric + least * torch.eye(metric.shape[1])).L.to(like.device)


def flops_per_token(diffusion_model, site: Site) -> dict[str, int]:
    """FLOPs a token of the linear layers that a skipped site leaves out, by stream."""
    flops: dict[str, int] = {}
    for path, stream in site.linears:
        layer = diffusion_model.get_submodule(path)
        flops[stream] = flops.get(stream, 0) + 2 * layer.in_features * layer.out_features
    return flops
