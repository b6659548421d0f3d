"""The tree keeps its shape: includes point one way, and no folder appears beside the four."""
import re
import shutil
import subprocess
import unittest
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ["autodiff", "ops", "tests", "examples"]

# What each folder may include of the others.
BELOW_FOLDER = {
    "autodiff": [],
    "ops": ["autodiff"],
    "tests": ["autodiff", "ops", "examples"],
    "examples": ["autodiff", "ops"],
}

# What the headers of each layer of autodiff/ may include of the other layers. A layer is a file or a folder of that name.
# Every other file only has to leave verify and trace alone: a .cpp may look up, as sweep.cpp does to start from a Var.
BELOW_LAYER = {
    "number": [],
    "simd": ["number"],
    "tape": ["number"],
    "var": ["number", "tape", "tensor"],
    "tensor": ["number", "simd", "tape", "var"],
    "drivers": ["number", "simd", "tape", "tensor", "var"],
    "threads": [],
    "program": ["number", "simd", "tape", "tensor", "var", "drivers", "threads"],
    "verify": ["number", "simd", "tape", "tensor", "var", "drivers", "trace"],
    "trace": ["number", "simd", "tape", "tensor", "var", "drivers", "verify"],
}
TOP_LAYERS = ["verify", "trace"]


def layer(path):
    """'autodiff/verify/x.hpp' and 'autodiff/verify.hpp' are of the layer 'verify'; other folders have no layers."""
    parts = PurePosixPath(path).with_suffix("").parts
    return parts[1] if parts[0] == "autodiff" and parts[1] in BELOW_LAYER else None


def bound_layer(path):
    """The layer whose rule a file has to keep."""
    return layer(path) if path.endswith(".hpp") or layer(path) in TOP_LAYERS else None


def forbidden(includer, included):
    """Why this include breaks the layers, or None."""
    upper, lower = includer.split("/")[0], included.split("/")[0]
    if lower not in FOLDERS:
        return None
    if "adapters" in included.split("/") and "/adapters/" not in includer:
        return None if upper in ("tests", "examples") else "an adapter needs a framework that the user may not have"
    if upper != lower:
        return None if lower in BELOW_FOLDER[upper] else f"{upper}/ stands below {lower}/"
    upper, lower = bound_layer(includer), layer(included)
    if upper == lower or lower is None:
        return None
    if upper is None:
        return f"only verify and trace may use {lower}" if lower in TOP_LAYERS and includer.startswith("autodiff/") else None
    return None if lower in BELOW_LAYER[upper] else f"{upper} stands below {lower}"


def includes(path):
    """The files that a source includes, as paths from the root; `"x.hpp"` is looked for beside the source first."""
    for name in re.findall(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', path.read_text(encoding="utf-8"), re.MULTILINE):
        beside = (path.parent / name).resolve()
        yield beside.relative_to(ROOT).as_posix() if beside.is_file() and beside.is_relative_to(ROOT) else name


class Layers(unittest.TestCase):
    def test_includes_point_one_way(self):
        sources = [p for f in FOLDERS for p in sorted((ROOT / f).rglob("*")) if p.suffix in (".hpp", ".cpp")]
        self.assertTrue(sources, "no sources found")
        broken = []
        for path in sources:
            source = path.relative_to(ROOT).as_posix()
            broken += [f"{source} includes {i}: {why}" for i in includes(path) if (why := forbidden(source, i))]
        self.assertFalse(broken, "\n" + "\n".join(broken))

    def test_no_other_folder_is_tracked(self):
        if not (shutil.which("git") and (ROOT / ".git").exists()):
            self.skipTest("not a git checkout")
        listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
        if listed.returncode:
            self.skipTest(listed.stderr)
        folders = {name.split("/")[0] for name in listed.stdout.splitlines() if "/" in name}
        self.assertFalse({f for f in folders if f not in FOLDERS and not f.startswith(".")})

    def test_a_wrong_include_is_found(self):
        for wrong in [
            ("autodiff/tape.hpp", "ops/exp.hpp"),
            ("ops/exp.hpp", "tests/autodiff/check.hpp"),
            ("ops/exp.hpp", "examples/gradus/main.hpp"),
            ("examples/01_first.cpp", "tests/main.hpp"),
            ("autodiff/number.hpp", "autodiff/tape.hpp"),
            ("autodiff/simd/pack.hpp", "autodiff/tensor.hpp"),
            ("autodiff/var.hpp", "autodiff/drivers.hpp"),
            ("autodiff/drivers.hpp", "autodiff/verify/check.hpp"),
            ("autodiff/autodiff.hpp", "autodiff/trace/trace.hpp"),
            ("autodiff/error.hpp", "autodiff/verify.hpp"),
            ("autodiff/tape.cpp", "autodiff/trace/trace.hpp"),
            ("autodiff/verify/check.cpp", "autodiff/verify/adapters/doctest.hpp"),
            ("ops/registry.hpp", "autodiff/verify/adapters/doctest.hpp"),
        ]:
            self.assertIsNotNone(forbidden(*wrong), wrong)
        for right in [
            ("autodiff/tape.hpp", "autodiff/number.hpp"),
            ("autodiff/verify/check.hpp", "autodiff/drivers.hpp"),
            ("autodiff/verify/check.hpp", "autodiff/verify/oracle.hpp"),
            ("autodiff/autodiff.hpp", "autodiff/drivers.hpp"),
            ("autodiff/tape.cpp", "autodiff/var.hpp"),
            ("ops/exp.hpp", "autodiff/op.hpp"),
            ("ops/registry.hpp", "ops/exp.hpp"),
            ("tests/ops/exp_test.cpp", "ops/ops.hpp"),
            ("ops/exp.hpp", "cmath"),
            ("tests/autodiff/verify/adapters/doctest_test.cpp", "autodiff/verify/adapters/doctest.hpp"),
            ("autodiff/verify/adapters/doctest.hpp", "doctest/doctest.h"),
        ]:
            self.assertIsNone(forbidden(*right), right)


if __name__ == "__main__":
    unittest.main()
