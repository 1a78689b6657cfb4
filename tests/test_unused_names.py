"""Every public name of the product is read in the product: what only tests use is test code."""

import ast

from product_code import FILES, name_of, tree_of

# Names that something outside the pack's Python looks up, by what does.
CALLED_FROM_OUTSIDE = {
    # the host
    *("comfy_entrypoint", "get_node_list", "on_load", "WEB_DIRECTORY", "define_schema", "execute"),
    *("check_lazy_status", "fingerprint_inputs"),
    *("unet_extra_config", "memory_usage_factor", "sampling_settings", "latent_format", "supported_inference_dtypes"),
    *("get_model", "extra_conds", "latent_dimensions", "taesd_decoder_name", "decode_tiled", "encode_tiled"),
}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def definitions(path):
    """(name, node) of every public function, class, method, field and constant of a file."""
    bodies = [tree_of(path).body]
    bodies += [node.body for node in ast.walk(tree_of(path)) if isinstance(node, ast.ClassDef)]
    for node in (node for body in bodies for node in body):
        targets = getattr(node, "targets", [getattr(node, "target", None)])
        names = [node.name] if isinstance(node, FUNCTIONS) else [t.id for t in targets if isinstance(t, ast.Name)]
        yield from ((name, node) for name in names if not name.startswith("_"))


def reads(node, left_out):
    """Identifiers that a syntax tree reads. `left_out`: definitions not to look into."""
    if node in left_out or _is_list_of_exports(node):
        return
    if isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Load):
        yield node.id if isinstance(node, ast.Name) else node.attr
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield f"'{node.value}'"
    for child in ast.iter_child_nodes(node):
        yield from reads(child, left_out)


def _is_list_of_exports(node):
    return isinstance(node, ast.Assign) and any(getattr(target, "id", "") == "__all__" for target in node.targets)


def without_readers():
    """Public definitions that nothing reads, or only others of these, as "file: name"."""
    everything = [(path, name, node) for path in FILES for name, node in definitions(path)]
    unused, known = set(), None
    while unused != known:
        known = set(unused)
        names = {name for path in FILES for name in reads(tree_of(path), known)} | CALLED_FROM_OUTSIDE
        # Fields are also read by their names, as strings.
        unused = {
            node
            for _, name, node in everything
            if name not in names and not (isinstance(node, ast.AnnAssign) and f"'{name}'" in names)
        }
    return sorted({f"{name_of(path)}: {name}" for path, name, node in everything if node in unused})


def test_every_public_name_has_a_reader_in_the_product():
    assert without_readers() == []
