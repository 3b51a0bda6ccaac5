"""A type checker sees every member, though none is imported by name."""

import ast

import pytest

import ddsp_lab as dl
from ddsp_lab import Block, Damage, Optimizer, Target, _stubs

WRITTEN = {path.parent.name: (path, text) for path, text in _stubs.stubs()}
FILED = [m for kind in (Block, Damage, Optimizer, Target) for m in kind.registry.values()]
MEMBERS = [m for m in FILED if m.__module__.startswith("ddsp_lab.")]


@pytest.mark.parametrize("family", WRITTEN)
def test_the_stub_of_a_family_is_what_the_generator_writes(family):
    path, text = WRITTEN[family]
    found = path.read_text(encoding="utf-8") if path.exists() else ""
    assert found == text, "run `python -m ddsp_lab._stubs`"


@pytest.mark.parametrize("member", MEMBERS, ids=[m.name for m in MEMBERS])
def test_a_member_has_a_name_that_a_type_checker_sees(member):
    _, family, *module = member.__module__.split(".")
    if not module:  # the core's own members, wrappers among them, are imported by name
        assert getattr(dl, member.__name__) is member
        return
    imports = [node for node in ast.parse(WRITTEN[family][1]).body if isinstance(node, ast.ImportFrom)]
    # `import x as x` is how a stub re-exports
    exported = {(node.module, a.name) for node in imports for a in node.names if a.name == a.asname and node.level == 1}
    assert (module[0], member.__name__) in exported
