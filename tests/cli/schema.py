#!/usr/bin/env python3
"""The schema in a validator of its own: all shipped files fit it, broken ones do not. And the commands that help to write a file.
Usage: schema.py ABLATE"""
import copy
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import tomllib

try:
    import jsonschema
except ImportError:  # Debian's package is for Debian's interpreter, which need not be the first in the path
    if sys.executable == "/usr/bin/python3":
        raise
    os.execv("/usr/bin/python3", ["/usr/bin/python3", *sys.argv])

ablate = os.path.abspath(sys.argv[1])
root = pathlib.Path(__file__).resolve().parents[2]
failures = 0


def check(good, what):
    global failures
    if not good:
        failures += 1
        print("FAILED:", what)


def run(*arguments, code=0, **more):
    done = subprocess.run([ablate, *arguments], capture_output=True, text=True, timeout=600, **more)
    check(done.returncode == code, f"{' '.join(arguments)}: exit code {done.returncode}, not {code}: {done.stderr[-500:]}")
    return done.stdout + done.stderr


schema = json.loads(run("schema"))
jsonschema.Draft7Validator.check_schema(schema)
validator = jsonschema.Draft7Validator(schema)

shipped = sorted((root / "experiments").rglob("*.toml"))
check(len(shipped) > 30, f"only {len(shipped)} shipped files")
for file in shipped:
    for error in validator.iter_errors(tomllib.loads(file.read_text())):
        check(False, f"{file}: {'.'.join(map(str, error.absolute_path))}: {error.message[:200]}")

good = tomllib.loads("""
name = "x"
kind = "train"
seed = 1
[model]
d_model = 64
n_heads = "= model.d_model / 16"
norm = "my_norm"
[data]
source = "bigram_backcopy"
[train]
lr = 1e-3
loss_positions = [1, 4]
[probe]
statistics = ["massive", "my_statistic"]
my_statistic = {at = "residual.*"}
[shaders.my_norm]
kind = "norm"
forward = "a.comp"
constants = {limit = 1.0}
[sweep]
train.lr = [1e-3, 2e-3]
seed = [1, 2]
[[variant]]
name = "a"
model.gate = "channel"
"model.qk_norm" = "head"
reference = {spike = 3.0}
[[claim]]
text = "a"
holds = "spike('a') > 1"
""")
check(validator.is_valid(good), "a good file is refused: " + "; ".join(e.message[:100] for e in validator.iter_errors(good)))
broken = [
    ("train.stepps", 3), ("train.steps", "many"), ("train.steps", -1), ("train.steps", 1.5), ("train.optimizer", "adam"), ("train.lr", [1]),
    ("train.precision", "f64"), ("train.dump_gradients", 1), ("model.d_model", True), ("model.position", "alibi"), ("model.dmodel", 3),
    ("model", 3), ("data.source", "internet"), ("data.symbols", 1), ("probe.top_k", 9), ("probe.statistics", "massive"), ("kind", "test"),
    ("seed", "one"), ("sweep.train.lr", 1e-3), ("sweep.train.stepps", [1]), ("variant", {"name": "a"}), ("variant.0.model.gat", "x"),
    ("claim.0.hold", "x"), ("intervention", [{"at": "logits", "do": "zero"}]), ("shaders.my_norm.kinds", "norm"), ("tarin", {}), ("seed", [1]),
]
for dotted, value in broken:
    file = copy.deepcopy(good)
    *tables, key = dotted.split(".")
    at = file
    for table in tables:
        at = at[int(table)] if isinstance(at, list) else at.setdefault(table, {})
    at[key] = value
    check(not validator.is_valid(file), f"{dotted} = {value!r} is let pass")

check("did you mean train.warmup" in run("explain", "train.wamup", code=2), "explain names the nearest key")
check("an integer from 0 up" in run("explain", "train.warmup"), "explain says the type")

with tempfile.TemporaryDirectory() as folder:
    for kind in ("probe", "train", "norm"):
        run("new", kind, "mine_" + kind, cwd=folder)
        text = (pathlib.Path(folder) / f"mine_{kind}.toml").read_text()
        check("NAME" not in text, f"new {kind}: a placeholder is left")
        check(validator.is_valid(tomllib.loads(text)), f"new {kind} does not fit the schema")
        steps = [] if kind == "probe" else ["--set", "train.steps=4"]
        run("run", f"mine_{kind}.toml", "--out", "runs", *steps, cwd=folder)
    check("is there already" in run("new", "train", "mine_train", code=2, cwd=folder), "new writes over a file")
    check("expected one of" in run("new", "thing", "x", code=2, cwd=folder), "new takes any kind")
    check("expected a name" in run("new", "train", "../x", code=2, cwd=folder), "new takes a path")
    check("quickstart" in run("check", "quickstart", "--json", cwd=folder), "shipped files are found by name")
    check("paper/all" in run("check", "qickstart", code=2, cwd=folder), "a wrong name lists the shipped ones")
    for shell in ("bash", "zsh", "fish"):
        script = pathlib.Path(folder) / shell
        script.write_text(run("completions", shell))
        check("--strict" in script.read_text() or "-l strict" in script.read_text(), f"{shell}: no --strict")
    words = "source ./bash; COMP_WORDS=(ablate run --str); COMP_CWORD=2; _ablate; echo ${COMPREPLY[@]}"
    check(subprocess.run(["bash", "-c", words], cwd=folder, capture_output=True, text=True).stdout.split() == ["--strict"], "bash completes")

print(f"{len(shipped)} files and {len(broken)} broken ones checked" if not failures else f"{failures} failures")
sys.exit(1 if failures else 0)
