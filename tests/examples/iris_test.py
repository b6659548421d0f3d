"""The example iris: what it does with files, options and outputs that are not as they should be. Takes the path of the program."""
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

IRIS = sys.argv.pop(1)
DATA = Path(__file__).resolve().parents[2] / "examples" / "data" / "iris.csv"
QUICK = ["--seeds", "1", "--epochs", "100"]


def run(*arguments, **options):
    return subprocess.run([IRIS, *map(str, arguments)], capture_output=True, timeout=120, check=False, **options)


class Iris(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file = Path(folder.name) / "flowers.csv"
        self.lines = DATA.read_text(encoding="utf-8").splitlines()

    def refuses(self, content, *words):
        self.file.write_bytes(content if isinstance(content, bytes) else ("\n".join(content) + "\n").encode())
        done = run(self.file)
        message = done.stderr.decode()
        self.assertEqual(done.returncode, 2, message)
        self.assertEqual(done.stdout, b"")
        self.assertEqual(len(message.splitlines()), 1, message)
        for word in words:
            self.assertIn(str(word), message)

    def test_two_runs_print_the_same(self):
        first, second = run(*QUICK), run(*QUICK)
        self.assertEqual(first.returncode, 0, first.stderr)
        self.assertEqual(first.stdout, second.stdout)
        self.assertIn(b"gradient of the loss: PASS, 67 of 67 entries", first.stdout)
        self.assertIn(b"steps a second", first.stderr)

    def test_line_ends_and_empty_lines_make_no_difference(self):
        for content in ["\r\n".join(self.lines), "\n\n".join(self.lines) + "\n\n", "\ufeff" + "\n".join(self.lines)]:
            self.file.write_bytes(content.encode())
            self.assertEqual(run(self.file, *QUICK).stdout, run(*QUICK).stdout)

    def test_a_claim_that_fails_is_reported(self):
        done = run("--epochs", 1)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"FAILS  the loss falls", done.stdout)
        self.assertEqual(run("--rate", "1e200").returncode, 1)  # the loss becomes NaN

    def test_mistakes_in_a_line_are_named_with_the_line(self):
        for line, words in [
            ("5.1,3.5,1.4,setosa", "4 columns"),
            ("5.1,3.5,1.4,0.2,setosa,1", "6 columns"),
            ("5.1,3.5,x,0.2,setosa", "column 3 is 'x', not a number"),
            ("5.1,3.5 cm,1.4,0.2,setosa", "column 2 is '3.5 cm'"),
            ("5.1,,1.4,0.2,setosa", "column 2 is ''"),
            ("5.1,nan,1.4,0.2,setosa", "column 2 is 'nan'"),
            ("5.1,1e999,1.4,0.2,setosa", "column 2 is '1e999'"),
            ("5.1,3.5,1.4,0.2,tulip", "unknown species 'tulip'"),
            ("5.1,3.5,1.4,0.2,", "unknown species ''"),
        ]:
            with self.subTest(line):
                self.refuses([*self.lines[:9], line, *self.lines[10:]], f"{self.file}:10: ", words)
                self.refuses([*self.lines[:9], "", line, *self.lines[10:]], f"{self.file}:11: ", words)

    def test_files_that_hold_too_little_are_refused(self):
        self.refuses(b"", self.file, "setosa")
        self.refuses(self.lines[:1], f"{self.file}:1: ", "0 rows of setosa")
        self.refuses(self.lines[:103], f"{self.file}:103: ", "2 rows of virginica")
        self.refuses(self.lines[1:], f"{self.file}:1: ", "the first line must be sepal_length,")
        self.refuses(b"\x00\xff\xfe" * 1000, f"{self.file}:1: ")

    def test_files_that_cannot_be_read_are_refused(self):
        for path in [self.file, self.file.parent]:
            done = run(path)
            self.assertEqual(done.returncode, 2)
            self.assertIn(str(path), done.stderr.decode())

    def test_the_least_file_is_enough_even_if_a_feature_is_constant(self):
        rows = [f"{1 + k / 10},1,{s},{k},{name}" for s, name in enumerate(["setosa", "versicolor", "virginica"]) for k in range(3)]
        self.file.write_text("\n".join([self.lines[0], *rows]), encoding="utf-8")
        done = run(self.file)
        self.assertIn(done.returncode, (0, 1), done.stderr)  # so few flowers need not support the claims
        self.assertIn(b"gradient of the loss: PASS", done.stdout)
        self.assertNotIn(b"nan", done.stdout)

    def test_wrong_usage_exits_2(self):
        for wrong in [["--seeds", "0"], ["--epochs", "-1"], ["--rate", "0"], ["--rate", "nan"], ["--epochs", "x"], ["--what"], ["a", "b"]]:
            with self.subTest(wrong):
                done = run(*wrong)
                self.assertEqual(done.returncode, 2)
                self.assertIn(b"--help", done.stderr)
                self.assertEqual(done.stdout, b"")
        self.assertEqual(run("--help").returncode, 0)

    def test_output_that_cannot_be_written_exits_2(self):
        if not Path("/dev/full").exists():
            self.skipTest("no /dev/full")
        with open("/dev/full", "wb") as full:
            done = subprocess.run([IRIS, *QUICK], stdout=full, stderr=subprocess.PIPE, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"cannot write", done.stderr)


if __name__ == "__main__":
    unittest.main()
