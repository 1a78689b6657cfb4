"""What the demo shows: a table for the terminal and a sheet of the pictures side by side."""

from __future__ import annotations

import io

from PIL import Image, ImageDraw, ImageFont

COLUMNS = 4
MARGIN = 12
CAPTION = 44


def table(result: dict) -> str:
    """The figures of `demo.summary` for a person to read."""
    model, sampler, dense = result["model"], result["sampler"], result["dense"]["seconds"]
    head = ("level", "attention", "model", "seconds", "speed-up", "cache", "PSNR", "latent", "predicted")
    units = ("", "FLOPs kept", "FLOPs kept", "", "", "MiB", "dB", "error", "error")
    rows = [("dense", "100.0 %", "100.0 %", f"{dense:.2f}", "1.00x", "0.0", "-", "-", "-")]
    rows += [_row(level, dense) for level in result["levels"]]
    widths = [max(map(len, column)) for column in zip(head, units, *rows)]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths)) for row in (head, units, *rows)]
    lines.insert(2, "-" * len(lines[0]))
    calibration = result["calibration"]
    return "\n".join(
        [
            "",
            f"DiTFastAttn {result['pack_version']} in ComfyUI {result['host_version']} on {result['device']}",
            f"{model['family']}: {model['parameters'] / 1e6:.1f} M parameters, {model['layers']} layers, "
            f"{model['heads']} heads each, {model['tokens']} image and {model['text_tokens']} text tokens",
            f"{sampler['name']}/{sampler['scheduler']}, {sampler['steps']} steps, cfg {sampler['cfg']:g}, "
            f"seed {sampler['seed']}",
            "",
            *lines,
            "",
            f"Calibration took {calibration['seconds']:.1f} s, "
            f"{calibration['ratio_to_dense_run']:.2f} times one dense run, once for all levels.",
        ]
    )


def _row(level: dict, dense: float) -> tuple[str, ...]:
    return (
        level["level"],
        f"{level['attention_flops_kept']:.1%}".replace("%", " %"),
        f"{level['model_flops_kept']:.1%}".replace("%", " %"),
        f"{level['seconds']:.2f}",
        f"{dense / level['seconds']:.2f}x",
        f"{level['cache_bytes'] / 2**20:.1f}",
        f"{level['psnr_db']:.1f}",
        f"{level['latent_relative_error']:.4f}",
        f"{level['predicted_error']:.4f}",
    )


def contact_sheet(pictures: dict[str, bytes], result: dict) -> bytes:
    """All pictures in a grid, each with its figures below, as PNG."""
    images = {name: Image.open(io.BytesIO(content)).convert("RGB") for name, content in pictures.items()}
    width, height = next(iter(images.values())).size
    rows = -(-len(images) // COLUMNS)
    cell = (width + MARGIN, height + CAPTION + MARGIN)
    sheet = Image.new("RGB", (COLUMNS * cell[0] + MARGIN, rows * cell[1] + MARGIN), "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(18)
    for place, (name, image) in enumerate(images.items()):
        left, top = (place % COLUMNS) * cell[0] + MARGIN, (place // COLUMNS) * cell[1] + MARGIN
        sheet.paste(image, (left, top))
        draw.text((left, top + height + 8), _caption(name, result), fill="black", font=font)
    encoded = io.BytesIO()
    sheet.save(encoded, "PNG")
    return encoded.getvalue()


def _caption(name: str, result: dict) -> str:
    dense = result["dense"]["seconds"]
    level = next((level for level in result["levels"] if level["level"] == name), None)
    if level is None:
        return f"dense, {dense:.1f} s"
    kept, speed = level["attention_flops_kept"], dense / level["seconds"]
    return f"{name}: {kept:.0%} of attention, {speed:.2f}x, {level['psnr_db']:.1f} dB"
