"""Provisioning and driving a real ComfyUI: what the demo, the served host and the host tests stand on."""
