"""No object that was compiled for an instruction set defines code that the linker could merge with that of ordinary objects, or runs any at the start.

usage: simd_symbols_test.py NM ISA OBJECT;OBJECT…
"""
import subprocess
import sys
import unittest

NM, ISA, OBJECTS = sys.argv[1], sys.argv[2], sys.argv[3].split(";")
RENAMED = (f"gradus_{ISA}", f"Eigen_{ISA}")


def stray(symbols, renamed=RENAMED):
    """Of lines "address kind name", those of weak symbols outside the renamed namespaces, and of functions that run before main."""
    found = []
    for line in symbols.splitlines():
        kind, name = line.split()[-2:]
        weak = kind in "WVu" and not name.startswith("DW.ref.") and not any(r in name for r in renamed)
        if weak or "_GLOBAL__sub_I" in name:
            found.append(name)
    return found


class Symbols(unittest.TestCase):
    def test_inline_code_is_renamed(self):
        self.assertTrue(all(OBJECTS), "no objects")
        for path in OBJECTS:
            symbols = subprocess.run([NM, "--defined-only", path], capture_output=True, text=True, check=True).stdout
            self.assertIn(ISA, symbols, f"{path} has no kernels")
            self.assertFalse(stray(symbols), path)

    def test_stray_code_is_found(self):
        renamed = ("gradus_avx2", "Eigen_avx2")
        self.assertEqual(stray("00 W _ZNSt6vectorIdE4sizeEv\n10 W _ZN11gradus_avx23absEd\n20 T _Z1fv", renamed), ["_ZNSt6vectorIdE4sizeEv"])
        self.assertEqual(stray("00 t _GLOBAL__sub_I_x.cpp", renamed), ["_GLOBAL__sub_I_x.cpp"])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
