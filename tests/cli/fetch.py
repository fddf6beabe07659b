#!/usr/bin/env python3
"""fetch.py ABLATE: `ablate fetch` against a server on this machine (hub_server.py), and models by their names. What goes wrong is one line and exit code 3 (2 for a bad name)."""
import hashlib, json, os, pty, re, resource, shutil, signal, subprocess, sys, tempfile, time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from hub_server import Hub, commit_of, git_blob

ablate, golden = Path(sys.argv[1]).resolve(), Path(__file__).resolve().parents[1] / "golden"
failed = 0
MODEL = "org/tiny.model-1"


def check(what, holds, found=""):
    global failed
    if not holds:
        failed += 1
        print(f"FAILED {what}{': found ' + str(found) if found != '' else ''}")


class Place:
    """A folder with its own cache, and the program as it is called there."""

    def __init__(self, folder, hub):
        self.folder, self.hub, self.cache = folder, hub, folder / "hub"
        self.environment = {**{k: v for k, v in os.environ.items() if not k.startswith(("HF_", "HUGGING")) and "proxy" not in k.lower()}, "HF_HUB_CACHE": str(self.cache),
                            "HF_ENDPOINT": hub.hub, "ABLATE_CACHE": str(folder / "cache")}

    def __call__(self, *words, **more):
        environment = {**self.environment, **more.pop("env", {})}
        return subprocess.run([ablate, *map(str, words)], cwd=self.folder, env=environment, capture_output=True, text=True, timeout=600, **more)

    def repository(self, name=MODEL):
        return self.cache / ("models--" + name.replace("/", "--"))

    def snapshot(self, name=MODEL):
        return self.repository(name) / "snapshots" / commit_of(self.hub.models[name])


def refuses(what, done, text, code=3):
    check(f"{what}: exit code {code}", done.returncode == code, (done.returncode, done.stderr))
    lines = [line for line in done.stderr.splitlines() if not re.match(r"\S+  [0-9.]+ (bytes|.B)$", line)]  # files that did arrive
    check(f"{what}: one line with \"{text}\"", len(lines) == 1 and text in lines[0], done.stderr)
    check(f"{what}: nothing on standard output", done.stdout == "", done.stdout)


def files_of(folder, *names):
    return {name: (folder / name).read_bytes() for name in names}


def models():
    """A model small enough for CI, whole and in shards."""
    whole = files_of(golden / "hf/planted", "config.json", "model.safetensors")
    whole["tokenizer.json"] = (golden / "tokenizers/gpt2/tokenizer.json").read_bytes()
    whole |= {"README.md": b"not asked for", "pytorch_model.bin": b"nor this", "onnx/model.onnx": b"nor this", "tokenizer_config.json": b"{}"}
    names = [f"model-0000{i}-of-00002.safetensors" for i in (1, 2)]
    index = json.dumps({"weight_map": {"a": names[0], "b": names[1], "c": names[0]}}).encode()
    shards = {"config.json": b"{}", "model.safetensors.index.json": index, names[0]: b"one" * 5000, names[1]: b"two"}
    return {MODEL: whole, "org/shards": shards, "org/pickled": {"config.json": b"{}", "pytorch_model.bin": b"x"},
            "org/outside": {"config.json": b"{}", "model.safetensors.index.json": json.dumps({"weight_map": {"a": "../../evil"}}).encode()}}


def experiment(place, checkpoint, name="x.toml"):
    (place.folder / name).write_text(f'name = "x"\nkind = "probe"\nmodel.checkpoint = "{checkpoint}"\ndata = {{source = "tokens", file = "{golden}/hf/planted/expected.safetensors"}}\n'
                                     "probe = {sequences = 2, seq_len = 16}\n")
    return place.folder / name


def whole_download(place):
    done = place("fetch", MODEL, env={"HF_TOKEN": "a token"})
    hub, snapshot = place.hub, place.snapshot()
    check("a download: exit code 0", done.returncode == 0, done.stderr)
    check("a download prints the snapshot's folder", done.stdout == f"{snapshot}\n", done.stdout)
    check("what a model needs, and no more", sorted(p.name for p in snapshot.iterdir()) == ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"])
    for path in snapshot.iterdir():
        content = hub.models[MODEL][path.name]
        digest = hashlib.sha256(content).hexdigest() if len(content) >= hub.large else git_blob(content)
        check(f"{path.name} is a link to its blob", os.readlink(path) == f"../../blobs/{digest}")
        check(f"{path.name} is what the server has", path.read_bytes() == content)
    check("the branch stands for the commit", (place.repository() / "refs/main").read_text() == snapshot.name)
    check("nothing unfinished stays", not list(place.cache.rglob("*.incomplete")) + list(place.cache.rglob("*.new")))
    check("the Hub gets the token", {r[4] for r in hub.seen if r[0] == "hub"} == {"Bearer a token"})
    check("the storage does not", {r[4] for r in hub.seen if r[0] == "storage"} == {None})
    hub.seen.clear()
    again = place("fetch", MODEL)
    check("a second download asks for the revision only", again.stdout == done.stdout and hub.files_asked("hub") + hub.files_asked("storage") == [], hub.seen)


def by_name(place):
    hub = place.hub
    hub.seen.clear()
    done = place("run", experiment(place, MODEL))
    check("a checkpoint by its name", done.returncode == 0, done.stderr)
    spike = json.loads((place.folder / "runs/x/results.json").read_text())["rows"][0]["metrics"]["spike"]
    check("it is that model", 800 < spike < 1000, spike)
    commit = place.snapshot().name
    for name, found in ((f"{MODEL}@{commit}", 0), (f"{MODEL}@v9", 2), ("org/other", 2), ("other", 2)):
        done = place("check", experiment(place, name))
        check(f"{name}: exit code {found}", done.returncode == found, done.stderr)
        if found:
            check(f"{name}: one line that says where and what to do", done.stderr.count("\n") == 1 and "x.toml:3: model.checkpoint: " in done.stderr
                  and str(place.cache) in done.stderr and f"ablate fetch {name.replace('@', ' --revision ')} downloads it" in done.stderr, done.stderr)
    local = place.folder / MODEL
    local.mkdir(parents=True)
    done = place("check", experiment(place, MODEL))
    check("a local folder of that name wins", done.returncode == 2 and f"{MODEL}: holds no config.json" in done.stderr, done.stderr)
    shutil.rmtree(local.parent)
    done = place("tokenize", "--tokenizer", MODEL, "--text", "Hello")
    check("a tokenizer by its model's name", done.stdout == place("tokenize", "--tokenizer", golden / "tokenizers/gpt2/tokenizer.json", "--text", "Hello").stdout != "", done.stderr)
    (place.folder / "text.txt").write_text("Some words. " * 200)
    text = '\nkind = "train"\nmodel = {d_model = 8, n_layers = 1, n_heads = 1, vocab_size = 60000}\ntrain = {steps = 1, batch = 1, seq_len = 8, eval_windows = 1}\n'
    for tokenizer, code in ((MODEL, 0), ("org/other", 2)):
        (place.folder / "t.toml").write_text(f'name = "t"{text}data = {{source = "text", files = ["text.txt"], tokenizer = "{tokenizer}"}}\n')
        done = place("check", "t.toml")
        check(f"data.tokenizer = {tokenizer}: exit code {code}", done.returncode == code, done.stderr)
    check("nothing but fetch uses the network", hub.seen == [], hub.seen)
    (place.snapshot() / "model.safetensors").rename(place.folder / "away")
    done = place("check", experiment(place, MODEL))
    check("a snapshot that lacks a file", done.returncode == 2 and f"without its model.safetensors ({place.snapshot()}): ablate fetch {MODEL} completes it" in done.stderr, done.stderr)
    (place.folder / "away").rename(place.snapshot() / "model.safetensors")
    for more in ({"HF_HUB_CACHE": "", "HF_HOME": str(place.folder)}, {"HF_HUB_CACHE": "~/hub", "HOME": str(place.folder)}):
        check(f"the cache by {more}", place("check", experiment(place, MODEL), env=more).returncode == 0)
    home = place.folder / "home/.cache/huggingface"
    home.mkdir(parents=True)
    (home / "hub").symlink_to(place.cache)
    check("the cache of the home folder", place("check", experiment(place, MODEL), env={"HF_HUB_CACHE": "", "XDG_CACHE_HOME": "", "HOME": str(place.folder / "home")}).returncode == 0)


def shards(place):
    done = place("fetch", "org/shards")
    check("shards: exit code 0", done.returncode == 0, done.stderr)
    check("all of them", sorted(p.name for p in place.snapshot("org/shards").iterdir()) == sorted(place.hub.models["org/shards"]))
    done = place("fetch", f"org/shards@{place.snapshot('org/shards').name}")
    check("a commit", done.returncode == 0 and os.listdir(place.repository("org/shards") / "refs") == ["main"], done.stderr)
    done = place("fetch", "org/shards", "--revision", "refs/pr/1")
    check("a revision with slashes", done.returncode == 0 and (place.repository("org/shards") / "refs/refs/pr/1").exists(), done.stderr)


def interrupted_downloads(place):
    hub, name = place.hub, "model.safetensors"
    content = hub.models[MODEL][name]
    blob = place.repository() / "blobs" / hashlib.sha256(content).hexdigest()
    part = blob.with_name(blob.name + ".incomplete")

    def again(what, word=None, there=None, ranges=None, part_content=None):
        shutil.rmtree(place.cache, ignore_errors=True)
        blob.parent.mkdir(parents=True)
        if there is not None:
            part.write_bytes(part_content or content[:there])
        words = [word] if isinstance(word, str) else list(word or [])
        hub.trouble = lambda _, file: words.pop(0) if file == name and words and hub.seen[-1][0] == "storage" else None
        hub.seen.clear()
        done = place("fetch", MODEL)
        asked = [r[3] for r in hub.seen if r[0] == "storage" and r[2].endswith(name)]
        check(f"{what}: exit code 0", done.returncode == 0, done.stderr)
        check(f"{what}: the file is whole", blob.read_bytes() == content and not part.exists())
        check(f"{what}: asked for {ranges}", asked == ranges, asked)

    half, size = len(content) // 2, len(content)
    again("a part that is there", there=half, ranges=[f"bytes={half}-"])
    again("a server without ranges", word="no ranges", there=half, ranges=[f"bytes={half}-"])
    again("all of it is there", there=size, ranges=[])
    again("more than all of it", there=size, part_content=content + b"more", ranges=[None])
    again("an answer that breaks off", word="short", ranges=[None, f"bytes={half}-"])

    hub.trouble = lambda _, file: "short" if file == name else None
    shutil.rmtree(place.cache)
    arrived = 0
    for _ in range(4):
        arrived += (size - arrived) // 2
    refuses("answers that break off again and again", place("fetch", MODEL), f"ended after {arrived} of {size} bytes")
    check("what has arrived stays", part.stat().st_size == arrived, part.stat().st_size)
    check("the model is not there yet", not (place.repository() / "refs").exists())
    hub.trouble = lambda _, file: "stuck" if file == name else None
    shutil.rmtree(place.cache)
    refuses("an answer without a byte", place("fetch", MODEL), f"ended after 0 of {size} bytes")

    hub.trouble = lambda _, file: "damaged" if file == name else None
    shutil.rmtree(place.cache)
    refuses("a damaged file", place("fetch", MODEL), "what arrived is damaged (SHA-256 is")
    check("a damaged file is removed", not part.exists() and not blob.exists() and not (place.snapshot() / name).exists())
    hub.trouble = lambda _, file: "damaged" if file == "config.json" else None
    shutil.rmtree(place.cache)
    refuses("a damaged small file", place("fetch", MODEL), "what arrived is damaged (Git's SHA-1 is")

    hub.trouble = lambda _, file: "slow" if file == name else None
    shutil.rmtree(place.cache)
    process = subprocess.Popen([ablate, "fetch", MODEL], env=place.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for _ in range(200):
        if part.exists() and part.stat().st_size >= half:
            break
        time.sleep(0.05)
    refuses("a second download at the same time", place("fetch", MODEL), "another process is downloading it")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    check("SIGINT: exit code 130", process.returncode == 130, process.returncode)
    check("SIGINT: one line", [l for l in err.splitlines() if l.startswith("ablate: ")] == ["ablate: stopped; the same command goes on from there"] and out == "", err)
    hub.trouble = lambda _, file: None
    hub.seen.clear()
    done = place("fetch", MODEL)
    check("what SIGINT left is gone on from", done.returncode == 0 and hub.seen[-1][3] == f"bytes={half}-", (done.stderr, hub.seen[-1]))


def refusals(place):
    hub = place.hub
    shutil.rmtree(place.cache, ignore_errors=True)
    for name in ("bad//name", "a/b/c", "../x", "a b", "org/x@", "-x/y", "org/a--b", "org/x@../y"):
        refuses(f"the name {name}", place("fetch", "--", name), "expected a name as on the Hugging Face Hub", 2)
    refuses("two revisions", place("fetch", "org/x@a", "--revision", "b"), "names a revision, and so does --revision", 2)
    refuses("an endpoint that is none", place("fetch", MODEL, env={"HF_ENDPOINT": "nowhere"}), "HF_ENDPOINT: expected an address", 2)
    check("nothing was made for that", not place.cache.exists())
    refuses("offline", place("fetch", MODEL, env={"HF_HUB_OFFLINE": "1"}), "HF_HUB_OFFLINE is set")
    refuses("no server", place("fetch", MODEL, env={"HF_ENDPOINT": "http://127.0.0.1:1"}), "http://127.0.0.1:1: cannot be reached")
    refuses("a name that nothing has", place("fetch", "org/none"), f"org/none: {hub.hub} has no model of this name (404)")
    refuses("a revision that is none", place("fetch", f"{MODEL}@v9"), f"{MODEL}: there is no revision v9 of it (404)")
    refuses("pickled weights only", place("fetch", "org/pickled"), "has no model.safetensors or index of shards; it has pytorch_model.bin")
    refuses("a shard outside", place("fetch", "org/outside"), "the shard ../../evil is not in the repository")
    for word, text in (("gated", f"the model is gated (403): accept its terms at {hub.hub}/{MODEL} and set HF_TOKEN"), ("login", "the model is gated (401)"),
                       ("unknown", "or it is private (401): HF_TOKEN is not set"), ("page", "is not the answer of a Hugging Face Hub"),
                       ("down", "answers with status 503"), ("often", "has been asked too often (429)")):
        hub.trouble = lambda _, file: word if not file else None
        refuses(word, place("fetch", MODEL), text)
    hub.trouble = lambda _, file: "unknown" if not file else None
    refuses("a token without access", place("fetch", MODEL, env={"HF_TOKEN": "x"}), "HF_TOKEN gives no access to it")
    hub.trouble = lambda _, file: "gated" if file == "config.json" else None
    refuses("a file that is gated", place("fetch", MODEL), "config.json: the model is gated (403)")
    hub.trouble = lambda _, file: "huge" if file == "model.safetensors" else None
    refuses("a disk that is too small", place("fetch", MODEL), f"{place.repository()}: 1000000.00 GB more are needed for {MODEL}")
    hub.trouble = lambda _, file: None
    limit = 8192
    full = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    shutil.rmtree(place.cache)
    refuses("a disk that gets full", place("fetch", MODEL, preexec_fn=full), ".incomplete: writing failed (")
    refuses("a cache that cannot be made", place("fetch", MODEL, env={"HF_HUB_CACHE": "/proc/none"}), "/proc/none: cannot be made")


def on_a_terminal(place):
    shutil.rmtree(place.cache, ignore_errors=True)
    # Large enough to take more than a tenth of a second at any speed: the server waits in the middle of it.
    place.hub.trouble = lambda _, file: "slow" if file == "model.safetensors" else None
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(ablate, [ablate, "fetch", MODEL], {**place.environment, "TERM": "xterm"})
    text, start = "", time.time()
    while time.time() - start < 5 and not re.search(r"model\.safetensors  \[=+>", text):
        text += os.read(terminal, 4096).decode()
    check("a bar on a terminal", re.search(r"model\.safetensors  \[=+> *\] \d+%  [0-9.]+ \w+ of [0-9.]+ \w+", text), text)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


hub = Hub(models())
with tempfile.TemporaryDirectory() as folder:
    for case in (whole_download, by_name, shards, interrupted_downloads, refusals, on_a_terminal):
        hub.trouble = lambda name, file: None
        case(place := Place(Path(folder), hub))
hub.close()
print("all downloads as they should be" if failed == 0 else f"{failed} failed")
sys.exit(failed > 0)
