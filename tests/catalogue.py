"""All templates of sentences that the pack says to people, as `web/locales/en.js` lists them for translators.

python tests/catalogue.py          writes the file anew
"""

import ast
import json

from product_code import FILES, ROOT, name_of, tree_of

ENGLISH = ROOT / "web" / "locales" / "en.js"
# Calls whose argument of this number is a template.
SAYING = {"say": 0, "require": 1}
_HEAD = (
    "// Every sentence that the server says, for translators: English template to translation. Made by a test tool.\n"
)


def templates() -> list[str]:
    """Every template in the product's code, in order. Raises ValueError where one is no literal."""
    found = set()
    for path in FILES:
        for node in ast.walk(tree_of(path)):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.func.id not in SAYING:
                continue
            argument = node.args[SAYING[node.func.id]]
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                found.add(argument.value)
            elif not (path.name == "validation.py" and isinstance(argument, ast.Name)):
                raise ValueError(f"{name_of(path)}, line {node.lineno}: the template is no literal.")
    return sorted(found)


def english() -> str:
    """The text of the file."""
    lines = (f"  {json.dumps(one)}:\n    {json.dumps(one)}" for one in templates())
    return _HEAD + "export default {\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    ENGLISH.parent.mkdir(exist_ok=True)
    ENGLISH.write_text(english(), "utf-8")
    print(f"{len(templates())} templates in {ENGLISH.relative_to(ROOT)}")
