"""A test program of another framework: adapter_test.py FAILURES PROGRAM ARGUMENTS…

Without arguments the program passes and says nothing of gradients. The arguments select tests that fail on purpose: then it fails, and says why that often.
"""
import re
import subprocess
import sys

failures, program, *failing = sys.argv[1:]
EXPECTED = [r"FAIL d f / d x\[1\]", r"x\[0\] = -1\.2, x\[1\] = 1\b", r"got +-0\.8", r"forward mode +-87\.\d", r"tape +-87\.\d", r"difference +-8[78]\b"]


def run(*arguments):
    done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout + done.stderr


code, text = run()
if code != 0 or "forward mode" in text:
    sys.exit(f"must pass without a word of gradients, but ended with {code}:\n{text}")

code, text = run(*failing)
missing = [pattern for pattern in EXPECTED if len(re.findall(pattern, text)) != int(failures)]
if code == 0 or missing:
    sys.exit(f"must fail and say why, but ended with {code}; missing: {missing}\n{text}")
