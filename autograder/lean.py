"""Imported first by processes of ours, for what costs a second at import and none of them needs."""

import sys

# jsonschema, which nbformat imports, uses this where it is installed: to parse its grammar of internationalized web
# addresses takes longer than to import torch.
sys.modules.setdefault("rfc3987_syntax", None)
